"""How a place in a classic is cited: GB/T 7714, plain, BibTeX."""

import re
from dataclasses import asdict

import pytest

from accounts.tests.factories import make_user
from knowledge.models import Bookmark
from knowledge.reading.citing import Reference, Style, cite, cite_passage, write_bibliography
from knowledge.tests.shelf import add_passage, add_section, make_work

LAOZI = Reference("道德经", "老子", "春秋", "王弼本", "第八章")
POEM = Reference(
    "唐诗选",
    "诸家",
    "唐",
    "选本",
    "五绝",
    contribution="静夜思",
    contribution_author="李白",
    contribution_dynasty="唐",
)


@pytest.mark.parametrize(
    ("reference", "citation"),
    [
        (LAOZI, "（春秋）老子. 道德经: 第八章[M]. 王弼本."),
        (POEM, "（唐）李白. 静夜思[M]//诸家. 唐诗选: 五绝. 选本."),
        (Reference("三字经"), "三字经[M]."),
        (Reference("诗经", dynasty="先秦", section="周南·关雎"), "诗经: 周南·关雎[M]."),
        (Reference("孟子", author="孟轲"), "孟轲. 孟子[M]."),
        (
            Reference("唐诗选", contribution="静夜思", contribution_author="李白"),
            "李白. 静夜思[M]//唐诗选.",
        ),
    ],
)
def test_gbt7714_names_author_title_and_edition(reference: Reference, citation: str) -> None:
    assert cite(reference, Style.GBT7714) == citation


@pytest.mark.parametrize(
    ("reference", "citation"),
    [
        (LAOZI, "（春秋）老子《道德经·第八章》，王弼本。"),
        (POEM, "（唐）李白《静夜思》，《唐诗选·五绝》，选本。"),
        (Reference("三字经"), "《三字经》。"),
    ],
)
def test_plain_citation_reads_as_a_sentence(reference: Reference, citation: str) -> None:
    assert cite(reference, Style.PLAIN) == citation


def test_bibtex_of_a_book_and_of_a_poem_in_it() -> None:
    book, poem = cite(LAOZI, Style.BIBTEX, key="guoxue12"), cite(POEM, Style.BIBTEX, key="guoxue13")

    assert book == (
        "@book{guoxue12,\n  author = {{老子}},\n  title = {{道德经}},\n  note = {春秋},\n"
        "  chapter = {第八章},\n  edition = {王弼本},\n  langid = {chinese}\n}"
    )
    assert poem.startswith(
        "@incollection{guoxue13,\n  author = {{李白}},\n  title = {{静夜思}},\n  booktitle = {{唐诗选}},\n"
        "  editor = {{诸家}},\n"
    )


def test_bibtex_escapes_what_tex_would_take_for_commands() -> None:
    reference = Reference(r"50% {a}_b & c# $d ~e ^f \g", edition="甲\n乙")

    entry = cite(reference, Style.BIBTEX)

    assert (
        r"title = {{50\% \textbraceleft{}a\textbraceright{}\_b \& c\# \$d "
        r"\textasciitilde{}e \textasciicircum{}f \textbackslash{}g}}"
    ) in entry
    assert "edition = {甲 乙}" in entry
    assert entry.count("{") == entry.count("}")


@pytest.mark.django_db
def test_passage_is_described_by_its_work_and_section() -> None:
    work = make_work("唐诗选", author="诸家", dynasty="唐", edition="选本")
    outer = add_section(work, "五绝")
    plain = add_passage(add_section(work, "序", parent=outer), "序言在此。")
    poem = add_passage(add_section(work, "静夜思", parent=outer, author="李白"), "床前明月光。")
    loose = add_passage(make_work("三字经"), "人之初，性本善。")

    assert Reference.of(plain) == Reference("唐诗选", "诸家", "唐", "选本", "五绝·序")
    assert Reference.of(poem) == POEM
    assert Reference.of(loose) == Reference("三字经")
    assert f"{{guoxue{poem.pk}," in cite_passage(poem, Style.BIBTEX)


@pytest.fixture
def two_bookmarks(db: None) -> list[Bookmark]:
    owner = make_user()
    work = make_work("道德经", author="老子", dynasty="春秋", edition="王弼本")
    passage = add_passage(add_section(work, "第八章"), "上善若水。\n水善利万物而不争。")
    row = {"owner": owner, "start": 0, "text": passage.text, "reference": asdict(POEM)}
    kept = Bookmark.objects.create(**row, passage=passage, end=5, citation="《道德经·第八章》", note="如水。")
    gone = Bookmark.objects.create(**row, passage=None, end=6, citation="李白《静夜思》")
    return [kept, gone]


def test_bibliography_in_gbt7714_is_numbered(two_bookmarks: list[Bookmark]) -> None:
    assert write_bibliography(two_bookmarks, Style.GBT7714) == (
        "[1] （春秋）老子. 道德经: 第八章[M]. 王弼本.\n"
        "    摘抄：上善若水。\n    水善利万物而不争。\n    笔记：如水。\n\n"
        "[2] （唐）李白. 静夜思[M]//诸家. 唐诗选: 五绝. 选本.\n    摘抄：上善若水。\n    水善利万物而不争。\n"
    )


def test_plain_bibliography_gives_the_words_first(two_bookmarks: list[Bookmark]) -> None:
    assert write_bibliography(two_bookmarks[:1], Style.PLAIN) == (
        "上善若水。\n水善利万物而不争。\n——（春秋）老子《道德经·第八章》，王弼本。\n笔记：如水。\n"
    )


def test_bibtex_bibliography_keeps_words_and_note_apart(two_bookmarks: list[Bookmark]) -> None:
    written = write_bibliography(two_bookmarks, Style.BIBTEX)

    keys = re.findall(r"^@\w+\{(.+),$", written, re.MULTILINE)
    assert keys == [f"guoxue-bookmark{bookmark.pk}" for bookmark in two_bookmarks]
    assert "  abstract = {上善若水。 水善利万物而不争。},\n  annote = {如水。}\n}" in written


def test_bibliography_of_nothing_is_empty() -> None:
    assert write_bibliography([], Style.GBT7714) == "\n"
