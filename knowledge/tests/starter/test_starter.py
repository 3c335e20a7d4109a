"""The starter corpus holds what it promises, and agrees with reference editions where these are at hand."""

from pathlib import Path

import pytest

from knowledge.formats import read_file
from knowledge.outlining.outline import WorkOutline, outline_works
from knowledge.outlining.records import Record
from knowledge.starter import check
from knowledge.starter.loading import STARTER_FOLDER

REFERENCES = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "corpora"
MARKS = {"」": "「", "』": "『", "”": "“", "’": "‘", "》": "《", "）": "（"}
CHAPTERS = {"论语": 20, "道德经": 81, "孙子兵法": 13, "中庸": 33}


@pytest.fixture(scope="module")
def works() -> dict[str, WorkOutline]:
    items = [item for path in sorted(STARTER_FOLDER.glob("*.md")) for item in read_file(path)]
    assert all(isinstance(item, Record) for item in items)
    return {outline.details.title: outline for outline in outline_works(items)}


def find_unbalanced(text: str) -> str:
    """The first mark without its counterpart, or ""."""
    opened: list[str] = []
    for character in text:
        if character in MARKS.values():
            opened.append(character)
        elif character in MARKS and (not opened or opened.pop() != MARKS[character]):
            return character
    return opened[-1] if opened else ""


@pytest.mark.parametrize(("title", "chapters"), CHAPTERS.items())
def test_book_is_whole(works: dict[str, WorkOutline], title: str, chapters: int) -> None:
    outline = works[title]

    with_text = {passage.section for passage in outline.passages}

    assert len(outline.sections) == chapters
    assert with_text == set(range(chapters))


@pytest.mark.parametrize("title", ["道德经", "中庸"])
def test_numbered_chapters_follow_each_other(works: dict[str, WorkOutline], title: str) -> None:
    numbers = [check._ordinal(section.title) for section in works[title].sections]

    assert numbers == list(range(1, CHAPTERS[title] + 1))


def test_there_are_at_least_sixty_poems_each_with_its_author(works: dict[str, WorkOutline]) -> None:
    poems = [section for title in ("唐诗选", "宋词选") for section in works[title].sections]

    assert len(poems) >= 60
    assert len({(poem.title, poem.author) for poem in poems}) == len(poems)
    assert [poem.title for poem in poems if not poem.author or not poem.dynasty] == []


def test_every_passage_closes_the_marks_that_it_opens(works: dict[str, WorkOutline]) -> None:
    passages = [(title, passage.text) for title, outline in works.items() for passage in outline.passages]

    assert len(passages) > 1_000
    assert [passage for passage in passages if find_unbalanced(passage[1])] == []


@pytest.mark.parametrize("text", ["“学而", "学而”", "“学‘而”时’"])
def test_a_mark_without_its_counterpart_would_be_noticed(text: str) -> None:
    assert find_unbalanced(text) != ""


def test_starter_agrees_with_the_reference_editions(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if not REFERENCES.is_dir():
        pytest.skip("the reference editions are not beside the repository")
    monkeypatch.setattr("sys.argv", ["check", str(REFERENCES)])

    exit_code = check.main()

    summary = capsys.readouterr().out
    assert exit_code == 0
    assert "未说明 0 处" in summary
    assert "未用到" not in summary, "differences.csv explains differences that are not there"
