"""Decides how plain text becomes records: paragraphs under headings such as 卷二, 第一回 or ○总说.

Read alike are texts with blank lines between paragraphs, with a paragraph in every line, and those of the
kind of 殆知阁: 　　 before each paragraph, lines broken at a width, title and author on top.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from knowledge.folding import fold
from knowledge.formats.corpus_file import CorpusFile
from knowledge.formats.empty_headings import EmptyHeadings
from knowledge.formats.layout import split_paragraphs, survey_layout
from knowledge.formats.note_marks import is_note, strip_note_marks
from knowledge.formats.poems import with_poems
from knowledge.outlining.records import Heading, ParsedItems, Record, WorkDetails

_NUMBER = "[〇零一二三四五六七八九十百千上中下0-9０-９]+"
# 卷上之一 and 卷上·总论, but not 卷上珠帘.
_NO_WORD = r"(?:(?<![上中下])|(?=[\W第之]|$))"
_REST = "[^。！？；，,]{0,30}"
_LEVELS = {"卷": 1, "部": 1, "集": 1, "编": 1, "篇": 2, "节": 4}
_CHAPTER = re.compile(
    rf"^(?:第{_NUMBER}(?P<unit>[章回卷篇节折出讲则集部编])|(?P<roll>卷)[第之]?{_NUMBER}{_NO_WORD}|(?P<mark>[○◎●◇]))(?P<rest>{_REST})$"
)
# 史记卷一 and 何博士备论卷上 宋 何去非 撰, but not 读书破万卷.
_TITLED_ROLL = re.compile(
    rf"^[^。！？；，,]{{0,11}}[^万千百数开掩展读书]卷[第之]?{_NUMBER}(?:[ 　]{_REST})?$"
)
_SHORT_HEADING = re.compile(r"^[\w·・〖〗【】《》（） 　]{2,20}$")
_MARKED_LEVEL, _USUAL_LEVEL = 5, 3
_LONG_CHARACTERS = 40
_FIELD = re.compile(r"^(书名|書名|题名|作者|撰者|朝代|年代)\s*[：:]\s*(.+)$")
_FIELD_NAMES = {
    "书名": "title",
    "書名": "title",
    "题名": "title",
    "作者": "author",
    "撰者": "author",
    "朝代": "dynasty",
    "年代": "dynasty",
}
_TITLE_LINE = re.compile(r"^《(?P<title>[^》]+)》[ 　]*(?:作者\s*[：:]\s*(?P<author>.+))?$")
_CATALOGUE_LINE = re.compile(r"^<([经史子集]部)[^>]*>$")
_HEADER_LINES = 20
_COMMAS = ("，", "、", "；", ",", ";")


@dataclass(frozen=True)
class _Header:
    """What the first lines say of the work, and the number of the first line after them."""

    details: WorkDetails
    first: int


def read_plain(file: CorpusFile, work_title: str | None) -> ParsedItems:
    """Yield one record for each paragraph; a paragraph that is a note, 〔一〕…, is commentary.

    The file is looked through once before it is read, to see how it is laid out.
    """
    header = _read_header(file, work_title or file.title)
    yield from read_paragraphs(file, header.details, lambda: _body(file, header.first))


def read_paragraphs(
    file: CorpusFile, work: WorkDetails, lines: Callable[[], Iterator[tuple[int, str]]]
) -> ParsedItems:
    """Yield the records of numbered lines, which can be asked for twice.

    Where each line is a paragraph, one that ends with a comma and the next are one text, and so are the lines of
    a poem (``with_poems``).
    """
    layout = survey_layout(lines(), _is_heading)
    stack: list[tuple[int, Heading]] = []
    empty = EmptyHeadings()
    is_half = False
    paragraphs = with_poems(split_paragraphs(lines(), layout, _is_heading), stands_alone=_is_heading)
    for number, text, in_poem, follower in _with_followers(paragraphs):
        if match := _CATALOGUE_LINE.match(text):
            work = replace(work, category=match[1])
            continue
        level = _level(text)
        if not level and (layout.indented or layout.every_line) and _looks_like_heading(text, follower):
            level = _MARKED_LEVEL
        if level:
            heading = Heading(_title(text), number=file.number(number))
            stack = [*(each for each in stack if each[0] < level), (level, heading)]
            empty.enter(heading, number)
            is_half = False
            continue
        headings = tuple(heading for _level, heading in stack)
        empty.fill(headings)
        kind = "commentary" if is_note(text) else "root"
        text = _without_marks(text)
        yield Record(work, headings, text, number, kind, file=file.name, goes_on=in_poem or is_half)
        is_half = layout.every_line and text.endswith(_COMMAS)
    yield from empty.refusals(file.name)


def _without_marks(text: str) -> str:
    """Take out the marks of notes, and the spaces that stood behind them."""
    return "\n".join(map(str.strip, strip_note_marks(text).split("\n")))


def _read_header(file: CorpusFile, title: str) -> _Header:
    """Read the title and fields such as 作者：…  on top of the file."""
    values: dict[str, str] = {}
    first = 1
    for number, line in file.lines():
        stripped = line.strip()
        if number > _HEADER_LINES:
            break
        if not stripped:
            continue
        if match := _FIELD.match(stripped):
            values[_FIELD_NAMES[match[1]]] = match[2].strip()
        elif not values and (match := _TITLE_LINE.match(stripped)):
            values |= {name: value.strip() for name, value in match.groupdict().items() if value}
        elif values or not fold(title) or fold(stripped) != fold(title):
            break
        first = number + 1
    details = WorkDetails(
        values.get("title", title), author=values.get("author", ""), dynasty=values.get("dynasty", "")
    )
    return _Header(details, first)


def _body(file: CorpusFile, first: int) -> Iterator[tuple[int, str]]:
    return ((number, line) for number, line in file.lines() if number >= first)


def _with_followers(
    paragraphs: Iterator[tuple[int, str, bool]],
) -> Iterator[tuple[int, str, bool, str]]:
    """Yield each paragraph with the one that follows it, "" after the last."""
    before: tuple[int, str, bool] | None = None
    for paragraph in paragraphs:
        if before:
            yield *before, paragraph[1]
        before = paragraph
    if before:
        yield *before, ""


def _is_heading(line: str) -> bool:
    return _level(line) > 0


def _level(line: str) -> int:
    """Return how deep a heading stands, from 1, or 0 for what is none."""
    if match := _CHAPTER.match(line):
        if match["mark"]:
            return _MARKED_LEVEL if match["rest"].strip() else 0
        return _LEVELS.get(match["unit"] or match["roll"], _USUAL_LEVEL)
    return _LEVELS["卷"] if _TITLED_ROLL.match(line) else 0


def _looks_like_heading(text: str, follower: str) -> bool:
    """Tell a title without any mark: a few words without punctuation, and a long paragraph after them."""
    return bool(_SHORT_HEADING.match(text)) and len(follower) >= _LONG_CHARACTERS


def _title(text: str) -> str:
    return re.sub(r"[ 　]+", " ", text.lstrip("○◎●◇")).strip()
