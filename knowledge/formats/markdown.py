"""Decides how Markdown becomes records: front matter for the work, headings for its sections."""

import re
from collections.abc import Iterator

from knowledge.formats.blocks import split_blocks
from knowledge.formats.corpus_file import CorpusFile
from knowledge.formats.front_matter import details_of, read_front_matter
from knowledge.outlining.records import Heading, ParsedItems, Record

_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*(?:\{([^{}]*)\})?\s*$")
_ATTRIBUTE = re.compile(r'([a-z]+)=(?:"([^"]*)"|(\S+))')
_RULE = re.compile(r"^(?:-{3,}|\*{3,}|_{3,})$")


def read_markdown(file: CorpusFile, work_title: str | None) -> ParsedItems:
    """Yield one record for each paragraph; its lines stay lines.

    A heading may carry ``{author=李白 dynasty=唐}``. Where neither front matter nor ``work_title`` names
    the work, the first heading does if it is a ``# `` heading, or else the file's name.
    """
    values, first = read_front_matter(file)
    title_line = 0
    if "title" not in values and not work_title:
        title_line, named = _title(file, first)
        values = named | values
    work = details_of({"title": work_title or file.title} | values)
    stack: list[tuple[int, Heading]] = []
    for line, text in split_blocks(_body(file, first), stands_alone=_is_heading):
        match = _HEADING.match(text)
        if match is None:
            headings = tuple(heading for _level, heading in stack)
            yield Record(work, headings, text, line, file=file.name)
        elif line != title_line:
            level = len(match[1])
            stack = [(outer, heading) for outer, heading in stack if outer < level]
            stack.append((level, _heading(match, file.number(line))))


def _title(file: CorpusFile, first: int) -> tuple[int, dict[str, str]]:
    """Return where the title of the work stands and what it says, looking ahead: there may be text before it."""
    for line, text in _body(file, first):
        if match := _HEADING.match(text.strip()):
            heading = _heading(match, 0)
            named = {"title": heading.title, "author": heading.author, "dynasty": heading.dynasty}
            return (line, named) if len(match[1]) == 1 and heading.title else (0, {})
    return 0, {}


def _body(file: CorpusFile, first: int) -> Iterator[tuple[int, str]]:
    """Yield the lines from the line ``first`` on; a rule is as good as a blank line."""
    for number, line in file.lines():
        if number >= first:
            yield number, "" if _RULE.match(line.strip()) else line


def _is_heading(line: str) -> bool:
    return bool(_HEADING.match(line))


def _heading(match: re.Match[str], number: int) -> Heading:
    attributes = {key: quoted or bare for key, quoted, bare in _ATTRIBUTE.findall(match[3] or "")}
    return Heading(match[2], attributes.get("author", ""), attributes.get("dynasty", ""), number=number)
