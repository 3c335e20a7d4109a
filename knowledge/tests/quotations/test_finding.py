"""Quotations are found in one pass over the reply, whatever a model was made to write."""

import sys
from types import FrameType

import pytest

from knowledge.quotations.finding import MAX_QUOTATIONS, find_quotations
from knowledge.quotations.quotation_marks import MAX_DEPTH
from knowledge.quotations.quoted_spans import Quotation

LINE = "学而不思则罔"


def depth(quotation: Quotation) -> int:
    return 1 + max(map(depth, quotation.inner), default=0)


def count(quotations: tuple[Quotation, ...] | list[Quotation]) -> int:
    return sum(1 + count(quotation.inner) for quotation in quotations)


def texts(reply: str) -> list[str]:
    return [quotation.text for quotation in find_quotations(reply)]


def count_steps(reply: str) -> int:
    """How many lines of Python run until the quotations of the reply are found."""
    steps = 0

    def trace(frame: FrameType, event: str, argument: object):
        nonlocal steps
        steps += event in ("call", "line")
        return trace

    outer = sys.gettrace()
    sys.settrace(trace)
    try:
        find_quotations(reply)
    finally:
        sys.settrace(outer)
    return steps


@pytest.mark.parametrize("levels", [1, MAX_DEPTH, MAX_DEPTH + 1, 600, 9_000])
def test_marks_within_marks_are_text_from_a_certain_depth(levels: int) -> None:
    found = find_quotations("「" * levels + LINE + "」" * levels)

    assert len(found) == 1
    assert found[0].text == "「" * (levels - 1) + LINE + "」" * (levels - 1)
    assert depth(found[0]) == min(levels, MAX_DEPTH)


def test_every_pair_of_marks_holds_what_stands_between_them() -> None:
    reply = "“老师说：‘学而不思则罔’，又说：「思而不学则殆」。”然后是『上善若水』。"

    first, second = find_quotations(reply)

    assert [inner.text for inner in first.inner] == ["学而不思则罔", "思而不学则殆"]
    assert (second.text, second.inner) == ("上善若水", ())
    assert all(reply[each.start : each.end] == each.text for each in (first, second, *first.inner))


@pytest.mark.parametrize(
    "marks",
    ["「」", "『』", "“”", "‘’", '""', "＂＂", "﹁﹂", "﹃﹄", "｢｣", "〝〞", "〝〟", "„”", "‟”", "❝❞"],
)
def test_marks_of_every_kind_are_seen(marks: str) -> None:
    reply = f"他读到{marks[0]}{LINE}{marks[1]}，若有所思。"

    assert texts(reply) == [LINE]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("“没有结束，“学而不思则罔”", ["学而不思则罔"]),
        ("‘没有结束，“学而不思则罔”", ["学而不思则罔"]),
        ("」”学而不思则罔”」", []),
        ("“学而不思‘则罔”思而不学’", ["学而不思‘则罔"]),
        ("「" * 9 + "“学而不思则罔”", ["学而不思则罔"]),
    ],
)
def test_mark_without_its_counterpart_is_text(reply: str, expected: list[str]) -> None:
    assert texts(reply) == expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ('他说"学而不思则罔"和"思而不学则殆"。', ["学而不思则罔", "思而不学则殆"]),
        ('他说："孔子曾说："学而不思则罔""。', ['孔子曾说："学而不思则罔"']),
        ('一块 27" 的屏幕上写着"学而不思则罔"。', ["学而不思则罔"]),
        ('一个落单的" 号。\n\n然后是"学而不思则罔"。', ["学而不思则罔"]),
        ('"学而不思则罔，\n思而不学则殆"', ["学而不思则罔，\n思而不学则殆"]),
        ('He said "hello" and “学而不思则罔”.', ["学而不思则罔"]),
    ],
)
def test_straight_marks_are_paired_sensibly(reply: str, expected: list[str]) -> None:
    assert texts(reply) == expected


@pytest.mark.parametrize(
    "unit",
    [
        "「",
        "「“『‘",
        "」",
        "「」",
        '"',
        '说："',
        "「学而不思",
        "“学而不思则罔”",
        "> 学而不思\n\n“学而不思”\n\n",
        "> 学而不思\n",
        "学而不思则罔，\n",
        "- 思而不学则殆\n",
        "子曰：学而不思则罔。",
        "原文：",
        "（学",
        "——《论语》\n",
        "```\n",
        " \n",
    ],
)
def test_work_grows_no_faster_than_the_reply(unit: str) -> None:
    repeats = 2_000 // len(unit)

    once, eight_times = count_steps(unit * repeats), count_steps(unit * repeats * 8)

    assert eight_times < 10 * once


def test_work_grows_no_faster_than_the_depth_of_marks() -> None:
    once, eight_times = (count_steps("「" * depth + LINE + "」" * depth) for depth in (250, 2_000))

    assert eight_times < 10 * once


@pytest.mark.parametrize(
    "reply",
    [
        "“学而不思则罔”" * 500,
        "“" + "‘学而不思则罔’" * 500 + "”",
        "> 学而不思\n" * 500,
        "学而不思则罔，\n" * 500,
        "子曰：学而不思则罔。" * 500,
    ],
)
def test_number_of_quotations_has_an_end(reply: str) -> None:
    assert count(find_quotations(reply)) <= MAX_QUOTATIONS


def test_quotations_of_all_kinds_come_in_the_order_of_the_reply() -> None:
    reply = "“上善若水”。\n\n> 道可道，非常道。\n\n床前明月光，\n疑是地上霜。\n\n孔子曰：学而不思则罔。"

    found = find_quotations(reply)

    assert [quotation.kind for quotation in found] == ["marks", "block", "verse", "sentence"]


def test_code_is_no_verse() -> None:
    assert texts("```\n床前明月光，\n疑是地上霜。\n```\n") == []
