"""Decides how Markdown becomes records: front matter for the work, headings for its sections."""

import re
from collections.abc import Iterator

from knowledge.errors import CorpusFileRefused
from knowledge.formats.blocks import split_blocks
from knowledge.formats.corpus_file import CorpusFile
from knowledge.outlining.records import Heading, ParsedItems, Record, WorkDetails

_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*(?:\{([^{}]*)\})?\s*$")
_ATTRIBUTE = re.compile(r'([a-z]+)=(?:"([^"]*)"|(\S+))')
_RULE = re.compile(r"^(?:-{3,}|\*{3,}|_{3,})$")
_KEYS = ("title", "aliases", "author", "dynasty", "category", "edition", "license", "source")


def read_markdown(file: CorpusFile, work_title: str | None) -> ParsedItems:
    """Yield one record for each paragraph; its lines stay lines.

    A heading may carry ``{author=李白 dynasty=唐}``. Where neither front matter nor ``work_title`` names
    the work, a ``# `` heading at the top does, or else the file's name.
    """
    values, first = _front_matter(file)
    titled = "title" in values or bool(work_title)
    work = _work_details({"title": work_title or file.stem, **values})
    stack: list[tuple[int, Heading]] = []
    for line, text in split_blocks(_body(file, first), stands_alone=_is_heading):
        match = _HEADING.match(text)
        if match is None:
            headings = tuple(heading for _level, heading in stack)
            yield Record(work, headings, text, line, file=file.name)
            continue
        level = len(match[1])
        if level == 1 and not titled and not stack:
            work, titled = WorkDetails(title=match[2]), True
            continue
        stack = [(outer, heading) for outer, heading in stack if outer < level]
        stack.append((level, _heading(match, file.number(line))))


def _body(file: CorpusFile, first: int) -> Iterator[tuple[int, str]]:
    """Yield the lines from the line ``first`` on; a rule is as good as a blank line."""
    for number, line in file.lines():
        if number >= first:
            yield number, "" if _RULE.match(line.strip()) else line


def _front_matter(file: CorpusFile) -> tuple[dict[str, str], int]:
    """Return what stands between two ``---`` lines at the top, and the number of the first line after it."""
    values: dict[str, str] = {}
    number = 0
    for number, line in file.lines():
        is_fence = line.strip() == "---"
        if number == 1 and not is_fence:
            return {}, 1
        if number == 1:
            continue
        if is_fence:
            return values, number + 1
        key, colon, value = line.partition(":")
        if line.strip() and not colon:
            raise CorpusFileRefused(f"第 {number} 行：文件头应写成“名称: 内容”。")
        if key.strip() in _KEYS and value.strip():
            values[key.strip()] = value.strip()
    if number:
        raise CorpusFileRefused("文件头没有以“---”结束。")
    return {}, 1


def _work_details(values: dict[str, str]) -> WorkDetails:
    aliases = tuple(filter(None, map(str.strip, values.pop("aliases", "").split("、"))))
    return WorkDetails(aliases=aliases, **values)


def _is_heading(line: str) -> bool:
    return bool(_HEADING.match(line))


def _heading(match: re.Match[str], number: int) -> Heading:
    attributes = {key: quoted or bare for key, quoted, bare in _ATTRIBUTE.findall(match[3] or "")}
    return Heading(match[2], attributes.get("author", ""), attributes.get("dynasty", ""), number=number)
