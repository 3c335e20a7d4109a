"""What is read as one: sections with all that stands under them, pieces joined to paragraphs."""

import pytest

from guoxue.errors import NotFound
from knowledge.models import Passage, Section, Work
from knowledge.reading import sections
from knowledge.reading.sections import PASSAGES_PER_PAGE, Stretch, compose, stretch_of_section
from knowledge.tests.shelf import add_passage, add_section, make_work, shiji

pytestmark = pytest.mark.django_db


def section(path: str) -> Section:
    return Section.objects.get(path=path)


@pytest.mark.parametrize(
    ("path", "ordinals"),
    [
        ("本纪", [1, 2, 3, 4]),
        ("本纪·五帝本纪", [1]),
        ("本纪·项羽本纪", [2, 3, 4]),
        ("世家", [5]),
        ("世家·陈涉世家", [5]),
        ("自序", [6]),
    ],
)
def test_section_is_read_with_all_that_stands_under_it(path: str, ordinals: list[int]) -> None:
    foreign = make_work("别的书")
    for number in range(9):
        add_passage(add_section(foreign, f"别篇{number}"), "与此无关。")
    shiji()

    stretch = stretch_of_section(section(path))

    assert [passage.ordinal for passage in stretch.passages()] == ordinals


def test_deep_sections_end_where_their_outer_section_ends() -> None:
    work = make_work()
    outer = add_section(work, "外")
    middle = add_section(work, "中", parent=outer)
    inner = add_section(work, "内", parent=middle)
    add_passage(inner, "深处之文。")
    add_passage(add_section(work, "另", parent=outer), "浅处之文。")
    add_passage(add_section(work, "后"), "外面之文。")

    lengths = [len(stretch_of_section(each).passages()) for each in (outer, middle, inner)]

    assert lengths == [2, 1, 1]
    assert [step.title for step in sections.way_to(section("外·中·内"))] == ["外", "中", "内"]


def test_section_without_text_is_an_empty_stretch() -> None:
    empty = add_section(make_work(), "有目无文")

    stretch = stretch_of_section(empty)

    assert (list(stretch.passages()), stretch.page_count, stretch.page(1)) == ([], 1, [])


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("本纪", None, "世家"),
        ("世家", "本纪", "自序"),
        ("本纪·五帝本纪", None, "项羽本纪"),
        ("本纪·项羽本纪", "五帝本纪", "陈涉世家"),
        ("自序", "陈涉世家", None),
    ],
)
def test_text_follows_text_and_part_follows_part(path: str, before: str | None, after: str | None) -> None:
    shiji()
    here = section(path)

    beside = sections.beside(here, has_children=here.children.exists())

    assert tuple(each.title if each else None for each in beside) == (before, after)


def test_outline_counts_what_stands_right_under_each_section() -> None:
    work = shiji()

    rows = sections.outlined(work.sections.order_by("ordinal"))

    assert [(row.title, row.child_count, row.passage_count) for row in rows][:3] == [
        ("本纪", 2, 0),
        ("五帝本纪", 0, 1),
        ("项羽本纪", 0, 3),
    ]
    assert Passage.objects.get(pk=rows[2].first_passage_id).ordinal == 2


def test_first_passage_is_the_first_in_reading_order_not_the_oldest() -> None:
    part = add_section(make_work(), "篇")
    older = add_passage(part, "后读之文。")
    newer = add_passage(part, "先读之文。")
    Passage.objects.filter(pk=older.pk).update(ordinal=9)

    row = sections.outlined(Section.objects.filter(pk=part.pk)).get()

    assert row.first_passage_id == newer.pk


@pytest.mark.parametrize(
    ("ordinal", "page"), [(10, 1), (49, 1), (50, 2), (89, 2), (90, 3), (110, 3), (1, 1), (999, 3)]
)
def test_page_of_a_passage_is_known_from_its_ordinal(ordinal: int, page: int) -> None:
    stretch = Stretch(work_id=1, first=10, last=110)

    assert (PASSAGES_PER_PAGE, stretch.page_count) == (40, 3)
    assert stretch.page_with(ordinal) == page


def test_pages_share_the_passages_without_gap_or_overlap() -> None:
    work = make_work()
    for number in range(85):
        add_passage(work, f"第{'一二三四五六七八九'[number % 9]}句。")

    stretch = sections.stretch_of_work(work)

    pages = [[passage.ordinal for passage in stretch.page(number)] for number in (1, 2, 3, 4)]
    assert [len(page) for page in pages] == [40, 40, 5, 0]
    assert [ordinal for page in pages for ordinal in page] == list(range(1, 86))


def test_pieces_that_continue_are_one_paragraph() -> None:
    shiji()

    (part,) = compose(stretch_of_section(section("本纪·项羽本纪")).passages())

    assert part.section.title == "项羽本纪"
    assert [[passage.ordinal for passage in each.passages] for each in part.paragraphs] == [[2], [3, 4]]
    assert part.paragraphs[1].translation == "项籍说：“那个人，我可以取代他！”"
    assert not part.paragraphs[1].begins_before


def test_new_section_begins_a_new_part_even_if_the_piece_continues() -> None:
    work = make_work()
    add_passage(add_section(work, "甲"), "前文。")
    add_passage(add_section(work, "乙"), "后文。", continues=True)

    parts = compose(sections.stretch_of_work(work).passages())

    assert [part.section.title for part in parts] == ["甲", "乙"]
    assert parts[1].paragraphs[0].begins_before


def test_commentary_never_joins_the_text_before_it() -> None:
    part = add_section(make_work(), "篇")
    add_passage(part, "原文在此。")
    add_passage(part, "注在此。", kind="commentary", continues=True)

    (composed,) = compose(stretch_of_section(part).passages())

    assert [each.kind for each in composed.paragraphs] == ["root", "commentary"]


@pytest.mark.parametrize(
    ("text", "is_verse"),
    [
        ("床前明月光，疑是地上霜。\n举头望明月，低头思故乡。", True),
        ("床前明月光，疑是地上霜。", False),
        ("甲" * 40 + "。\n乙丙丁。", False),
    ],
)
def test_verse_is_known_by_its_short_lines(text: str, is_verse: bool) -> None:
    add_passage(make_work(), text)

    (part,) = compose(Passage.objects.located())

    assert part.paragraphs[0].is_verse is is_verse


def lines_of(*texts: str, **fields: object) -> list[list[str]]:
    part = add_section(make_work(), "篇")
    for number, text in enumerate(texts):
        add_passage(part, text, continues=number > 0, **fields)
    (composed,) = compose(stretch_of_section(part).passages())
    (paragraph,) = composed.paragraphs
    return [[run.text for run in line] for line in paragraph.lines]


def test_line_that_was_cut_is_one_line_again() -> None:
    assert lines_of("首句。次句上", "次句下。\n末句。\n", "再续。") == [
        ["首句。次句上", "次句下。"],
        ["末句。"],
        ["再续。"],
    ]


def test_anchor_stands_where_the_passage_begins() -> None:
    work = make_work()
    add_passage(work, "一行。\n二行。")

    (part,) = compose(Passage.objects.located())

    runs = [run for line in part.paragraphs[0].lines for run in line]
    assert [run.is_beginning for run in runs] == [True, False]


@pytest.mark.parametrize(
    ("text", "translation", "rows", "is_verse"),
    [
        ("甲。\n乙乙乙乙。", "一。\n二。", [(["甲。"], "一。"), (["乙乙乙乙。"], "二。")], False),
        ("甲甲甲。\n乙乙乙。", "一。\n二。", [(["甲甲甲。"], "一。"), (["乙乙乙。"], "二。")], True),
        ("甲。\n乙乙乙。", "一和二。", [(["甲。", "乙乙乙。"], "一和二。")], True),
        ("甲。\n乙。", "", [(["甲。", "乙。"], "")], True),
    ],
)
def test_translation_stands_beside_its_line_where_they_are_aligned(
    text: str, translation: str, rows: list, is_verse: bool
) -> None:
    add_passage(make_work(), text, translation=translation)

    (part,) = compose(Passage.objects.located())

    (paragraph,) = part.paragraphs
    shown = [
        (["".join(run.text for run in line) for line in row.lines], row.translation) for row in paragraph.rows
    ]
    assert (shown, paragraph.is_verse) == (rows, is_verse)


def test_works_and_sections_that_are_not_there_are_not_found() -> None:
    empty = make_work("空书", passage_count=0)

    for find, key in ((sections.find_work, empty.pk), (sections.find_section, 0)):
        with pytest.raises(NotFound):
            find(key)
    assert Work.objects.count() == 1
