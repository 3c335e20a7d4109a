"""No couplet in even metre is cut in two, whatever stands between its halves."""

from collections.abc import Iterator, Sequence
from itertools import accumulate, product
from time import process_time

import pytest

from knowledge.outlining.chunking import MAX_CHARACTERS, group_lines, split_text
from knowledge.outlining.metre import couplet_step, find_couplets, find_verse
from knowledge.outlining.outline import cut_text

# How many characters the half-lines of a stanza have, couplet by couplet.
METRES = {
    "三言": (3,),
    "四言": (4,),
    "五言": (5,),
    "六言": (6,),
    "七言": (7,),
    "八言": (8,),
    "五七言": (5, 7, 7),
    "三七言": (3, 7, 7, 7),
    "五四七言": (5, 5, 4, 7),
}
# What stands after the first half of a couplet, and after the second.
MARKS = {
    "，。": ("，", "。"),
    "。。": ("。", "。"),
    "none": ("", ""),
    "last only": ("", "。"),
    "，，": ("，", "，"),
    "？！": ("？", "！”"),
}
BETWEEN = {"lines": ("\n", "\n"), "spaces": ("　", "　"), "space in line": (" ", "\n"), "nothing": ("", "")}
COUPLETS = range(30, 130, 5)
# Nothing tells any other metre of verse that has neither marks nor breaks: see couplet_step.
TOLD_BY_LENGTH = ("四言", "五言", "七言")
FORMS = [
    form
    for form in product(METRES, MARKS, BETWEEN)
    if form[1:] != ("none", "nothing") or form[0] in TOLD_BY_LENGTH
]


def half_lines(metre: Sequence[int], couplets: int) -> Iterator[tuple[str, str]]:
    numbers = iter(range(10_000))
    for number in range(couplets):
        length = metre[number % len(metre)]
        yield tuple("".join(chr(0x4E00 + next(numbers)) for _ in range(length)) for _half in range(2))


def ends_of_couplets(couplets: Sequence[str]) -> set[int]:
    return set(accumulate(map(len, couplets)))


def assert_whole(pieces: Sequence[str], couplets: Sequence[str]) -> None:
    text = "".join(couplets)
    assert "".join(pieces) == text
    assert len(pieces) > 1
    assert max(map(len, pieces)) <= MAX_CHARACTERS
    assert set(accumulate(map(len, pieces))) <= ends_of_couplets(couplets) | {len(text)}


@pytest.mark.parametrize(("metre", "marks", "between"), FORMS)
def test_split_text_never_tears_a_couplet(metre: str, marks: str, between: str) -> None:
    for length in COUPLETS:
        couplets = [
            "".join(
                half + mark + gap
                for half, mark, gap in zip(halves, MARKS[marks], BETWEEN[between], strict=True)
            )
            for halves in half_lines(METRES[metre], length)
        ]
        if len("".join(couplets)) > MAX_CHARACTERS:
            assert_whole(split_text("".join(couplets)), couplets)


@pytest.mark.parametrize("metre", METRES)
@pytest.mark.parametrize("marks", MARKS)
def test_group_lines_never_tears_a_couplet(metre: str, marks: str) -> None:
    for length in COUPLETS:
        lines = [
            half + mark
            for halves in half_lines(METRES[metre], length)
            for half, mark in zip(halves, MARKS[marks], strict=True)
        ]

        groups = group_lines(lines, max_characters=200)

        assert [first for first, _last in groups] == [0, *(last for _first, last in groups[:-1])]
        assert {last % 2 for _first, last in groups} == {0}
        assert groups[-1][1] == len(lines)


@pytest.mark.parametrize("metre", METRES)
@pytest.mark.parametrize("marks", MARKS)
@pytest.mark.parametrize("halves_in_line", [1, 2, 200])
def test_cut_text_never_tears_a_couplet(metre: str, marks: str, halves_in_line: int) -> None:
    for length in COUPLETS:
        halves = [
            half + mark
            for couplet in half_lines(METRES[metre], length)
            for half, mark in zip(couplet, MARKS[marks], strict=True)
        ]
        lines = [
            " ".join(halves[start : start + halves_in_line])
            for start in range(0, len(halves), halves_in_line)
        ]
        text = "\n".join(lines)
        ends = set(accumulate(len(half) + 1 for half in halves))
        couplets = {end for number, end in enumerate(sorted(ends)) if number % 2}

        pieces = [piece for piece, _translation in cut_text([(line, "") for line in lines])]

        assert "".join(pieces) == text
        assert set(accumulate(map(len, pieces[:-1]))) <= couplets
        assert len(pieces) > 1 or len(text) <= MAX_CHARACTERS


def test_metre_that_changes_in_mid_text_is_followed() -> None:
    couplets = ["公家有程期。亡命婴祸罗。", *["汉家烟尘在东北。汉将辞家破残贼。"] * 60]

    assert_whole(split_text("".join(couplets)), couplets)


def test_verse_after_a_preface_is_verse() -> None:
    preface = "元和十年，予左迁九江郡司马。明年秋，送客湓浦口，闻舟中夜弹琵琶者，听其音，铮铮然有京都声。" * 3
    couplets = ["浔阳江头夜送客。枫叶荻花秋瑟瑟。"] * 40

    pieces = split_text(preface + "".join(couplets))

    ends = {0, *(len(preface) + end for end in ends_of_couplets(couplets))}
    verse = [end for end in accumulate(map(len, pieces)) if end > len(preface)]
    assert len(verse) > 1
    assert set(verse) <= ends


@pytest.mark.parametrize(
    ("lines", "couplets"),
    [
        # A title of the same length, with no mark after it; and one that has another length.
        (["登幽州台歌", *["天地玄黄洪。"] * 4], [(0, 1), (1, 3), (3, 5)]),
        (["静夜思", *["天地玄黄洪"] * 4], [(0, 1), (1, 3), (3, 5)]),
        # A character that cannot be read, an editor's remark, marks of quotation.
        (["天地□黄洪。", "天地玄黄洪（一作红）。"] * 2, [(0, 2), (2, 4)]),
        (["“天地玄黄洪。", "天地玄黄洪。”"] * 2, [(0, 2), (2, 4)]),
        # A poem ends with a blank line.
        (["天地玄黄\n", "天地玄黄\n", "天地玄黄\n\n", *["天地玄黄\n"] * 4], [(0, 2), (2, 3), (3, 5), (5, 7)]),
        (["登幽州台\n", *["天地玄黄。天地玄黄。\n"] * 4], [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5)]),
        (["天地玄黄\n", "天地玄黄，\n", "天地玄黄\n", "天地玄黄。\n"], [(0, 2), (2, 4)]),
        # A sentence before the verse keeps its last clause.
        (["子曰习，天地玄黄，天地玄黄，天地玄黄。", *["天地玄黄。"] * 4], [(0, 1), (1, 3), (3, 5)]),
        # What ends with a full stop is no first half of what ends with a comma.
        (["天地玄黄。", *["天地玄黄，", "天地玄黄。"] * 3], [(0, 1), (1, 3), (3, 5), (5, 7)]),
        (["天地玄黄；", *["天地玄黄，", "天地玄黄；"] * 3], [(0, 1), (1, 3), (3, 5), (5, 7)]),
        # Three half-lines and one in a sentence.
        (["天地玄黄，天地玄黄，天地玄黄。", "天地玄黄。"] * 2, [(0, 2), (2, 4)]),
        # A few short sentences are no verse, nor are clauses in pairs among others.
        (["子曰学。", "子曰习。", "子曰。"], [(0, 1), (1, 2), (2, 3)]),
        (["天地，玄黄。", "学而时习之。", "温故而知新。"], [(0, 1), (1, 2), (2, 3)]),
        ([], []),
    ],
)
def test_couplets_are_pairs_of_half_lines_of_one_length(
    lines: list[str], couplets: list[tuple[int, int]]
) -> None:
    assert find_couplets(lines) == couplets


def test_verse_is_four_half_lines_each_beside_its_like() -> None:
    lines = [
        "静夜思",
        "天地玄黄洪",
        "天地玄黄洪",
        "天地玄黄",
        "天地玄黄",
        "学而时习之，不亦说乎？",
        "子曰",
        "子曰学",
        "子曰习",
    ]

    assert find_verse(lines) == [False, True, True, True, True, False, False, False, False]


@pytest.mark.parametrize(
    ("length", "step"), [(280, 280), (560, 280), (420, 210), (410, 10), (406, 14), (408, 24), (401, 0)]
)
def test_unmarked_verse_is_cut_where_couplets_of_every_likely_metre_end(length: int, step: int) -> None:
    assert couplet_step(length, 400) == step


def test_entries_of_a_table_and_titles_between_lines_are_no_verse() -> None:
    table = ["立春正月节（限数一百九十四，间数一百九十）", "雨水正月中（限数一百八十六，间数一百八十二）"] * 2
    sayings = ["双陆无休势。", "不详·雒谷谚", "謥洞入黄泉。", "不详·三门谚", "古无门匠墓。"]

    assert find_verse(table) == [False] * 4
    assert find_verse(sayings) == [False] * 5
    assert find_verse(["天地玄黄洪（一作红）。"] * 4) == [True] * 4


@pytest.mark.parametrize("hostile", ["“", "（", "—", "（天", "\n"])
def test_hostile_text_costs_no_more_than_a_few_poems_of_its_length(hostile: str) -> None:
    def seconds(text: str) -> float:
        started = process_time()
        find_couplets([text] * 4)
        return process_time() - started

    length = 5_000

    assert seconds((hostile * length)[:length]) < 20 * seconds("天地玄黄。" * (length // 5))
