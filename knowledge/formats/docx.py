"""Decides how a Word document becomes records: heading styles are sections, paragraphs are texts.

Notes, comments, deleted text, page headers and footers are left out; inserted text and text in controls count.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from knowledge.formats.archive import Archive, open_archive
from knowledge.formats.corpus_file import CorpusFile
from knowledge.formats.markup import local_name, parse_events, parse_whole
from knowledge.outlining.records import Heading, ParsedItems, Record, WorkDetails

# Transitional, which Word writes unless it is told otherwise, and strict.
_NAMESPACES = (
    "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}",
    "{http://purl.oclc.org/ooxml/wordprocessingml/main}",
)
_DOCUMENT, _STYLES = "word/document.xml", "word/styles.xml"
_HEADING_STYLE = re.compile(r"^(?:heading|标题|標題)\s*([1-9])$", re.IGNORECASE)
_TITLE_STYLES = frozenset({"title", "标题", "標題"})
# Fallback shows a text box a second time; rt is the reading above a character.
_LEFT_OUT = frozenset({"del", "moveFrom", "Fallback", "rt", "pPr", "rPr", "footnoteReference", "instrText"})
_TITLE = 0


def read_docx(file: CorpusFile, work_title: str | None) -> ParsedItems:
    """Yield one record for each paragraph under its headings; its line is the number of the paragraph.

    A paragraph in the style Title begins a work, and what stands before the first is of that work too. Without
    one the title is ``work_title``, else the file's name.
    """
    with open_archive(file.path, "DOCX") as archive:
        levels = _style_levels(archive)
        work = WorkDetails(_first_title(archive, levels) or work_title or file.title)
        stack: list[tuple[int, Heading]] = []
        for number, (level, text) in enumerate(_levelled(archive, levels), 1):
            if not text:
                continue
            if level is None:
                yield Record(work, tuple(each for _level, each in stack), text, number, file=file.name)
            elif level == _TITLE:
                work, stack = WorkDetails(" ".join(text.split())), []
            else:
                stack = [each for each in stack if each[0] < level]
                stack.append((level, Heading(" ".join(text.split()), number=file.number(number))))


def _first_title(archive: Archive, levels: Mapping[str, int]) -> str:
    """Look ahead for a title on top of the document, before all headings."""
    if _TITLE not in levels.values():
        return ""
    headings = ((level, text) for level, text in _levelled(archive, levels) if text and level is not None)
    level, text = next(headings, (_TITLE, ""))
    return " ".join(text.split()) if level == _TITLE else ""


def _levelled(archive: Archive, levels: Mapping[str, int]) -> Iterator[tuple[int | None, str]]:
    """Yield the level of each paragraph, None where it is no heading, and its text."""
    for style, outline_level, text in _paragraphs(archive):
        yield outline_level or levels.get(style), text


def _paragraphs(archive: Archive) -> Iterator[tuple[str, int | None, str]]:
    """Yield style, outline level and text of each outermost paragraph of the body."""
    depth = 0
    with archive.stream(_DOCUMENT) as stream:
        for event, element in parse_events(stream):
            if local_name(element) != "p" or not element.tag.startswith(_NAMESPACES):
                continue
            depth += 1 if event == "start" else -1
            if event == "end" and depth == 0:
                style, level = _style(element)
                yield style, level, "".join(_pieces(element)).strip()
                element.clear()


def _style(paragraph: Any) -> tuple[str, int | None]:
    return _value(paragraph, "pPr/{*}pStyle"), _outline_level(paragraph)


def _outline_level(element: Any) -> int | None:
    """Word counts outline levels from 0; 9 is body text."""
    value = _value(element, "pPr/{*}outlineLvl")
    return int(value) + 1 if value.isdecimal() and int(value) < 9 else None


def _pieces(element: Any) -> Iterator[str]:
    for child in element:
        name = local_name(child)
        if name in _LEFT_OUT:
            continue
        if name == "t":
            yield child.text or ""
        elif name in ("br", "cr"):
            yield "\n"
        elif name == "tab":
            yield "　"
        else:
            yield from _pieces(child)
            # A paragraph in a text box.
            yield "\n" if name == "p" else ""


def _style_levels(archive: Archive) -> dict[str, int]:
    """Return the heading level of each style that has one, by itself or by what it is based on."""
    if _STYLES not in archive:
        return {}
    own: dict[str, int] = {}
    bases: dict[str, str] = {}
    for style in parse_whole(archive.read(_STYLES)).iter("{*}style"):
        key = _attribute(style, "styleId")
        name = _value(style, "name")
        bases[key] = _value(style, "basedOn")
        level = _outline_level(style)
        if match := _HEADING_STYLE.match(name):
            own[key] = int(match[1])
        elif name.lower() in _TITLE_STYLES:
            own[key] = _TITLE
        elif level is not None:
            own[key] = level
    return {key: level for key in bases if (level := _inherited(key, own, bases)) is not None}


def _inherited(key: str, own: dict[str, int], bases: dict[str, str]) -> int | None:
    seen: set[str] = set()
    while key and key not in own and key not in seen:
        seen.add(key)
        key = bases.get(key, "")
    return own.get(key)


def _value(element: Any, path: str) -> str:
    child = element.find(f"{{*}}{path}")
    return _attribute(child, "val") if child is not None else ""


def _attribute(element: Any, name: str) -> str:
    return next((value for each in _NAMESPACES if (value := element.get(f"{each}{name}"))), "")
