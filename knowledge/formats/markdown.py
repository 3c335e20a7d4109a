"""Decides how Markdown becomes records: front matter for the work, headings for its sections."""

import re
from pathlib import Path

from knowledge.errors import CorpusFileRefused
from knowledge.formats.blocks import split_blocks
from knowledge.records import Heading, ParsedItems, Record, WorkDetails

_HEADING = re.compile(r"^(#{1,6})\s+(.*?)\s*(?:\{([^{}]*)\})?\s*$")
_ATTRIBUTE = re.compile(r'([a-z]+)=(?:"([^"]*)"|(\S+))')
_RULE = re.compile(r"^(?:-{3,}|\*{3,}|_{3,})$")
_KEYS = ("title", "aliases", "author", "dynasty", "category", "edition", "license", "source")


def read_markdown(content: str, name: str, work_title: str | None) -> ParsedItems:
    """Yield one record for each paragraph; its lines stay lines.

    A heading may carry ``{author=李白 dynasty=唐}``. Where neither front matter nor ``work_title`` names
    the work, a ``# `` heading at the top does, or else the file's name.
    """
    lines = content.split("\n")
    values, first = _front_matter(lines)
    titled = "title" in values or bool(work_title)
    work = _work_details({"title": work_title or Path(name).stem, **values})
    stack: list[tuple[int, Heading]] = []
    body = ["" if _RULE.match(line.strip()) else line for line in lines[first:]]
    for line, text in split_blocks(body, first_number=first + 1, stands_alone=_is_heading):
        match = _HEADING.match(text)
        if match is None:
            yield Record(work, tuple(heading for _level, heading in stack), text, line)
            continue
        level = len(match[1])
        if level == 1 and not titled and not stack:
            work, titled = WorkDetails(title=match[2]), True
            continue
        stack = [(outer, heading) for outer, heading in stack if outer < level]
        stack.append((level, _heading(match, line)))


def _front_matter(lines: list[str]) -> tuple[dict[str, str], int]:
    """Return what stands between two ``---`` lines at the top, and the index of the first line after it."""
    if not lines or lines[0].strip() != "---":
        return {}, 0
    values: dict[str, str] = {}
    for index, line in enumerate(lines[1:], 1):
        if line.strip() == "---":
            return values, index + 1
        key, colon, value = line.partition(":")
        if line.strip() and not colon:
            raise CorpusFileRefused(f"第 {index + 1} 行：文件头应写成“名称: 内容”。")
        if key.strip() in _KEYS and value.strip():
            values[key.strip()] = value.strip()
    raise CorpusFileRefused("文件头没有以“---”结束。")


def _work_details(values: dict[str, str]) -> WorkDetails:
    aliases = tuple(filter(None, map(str.strip, values.pop("aliases", "").split("、"))))
    return WorkDetails(aliases=aliases, **values)


def _is_heading(line: str) -> bool:
    return bool(_HEADING.match(line))


def _heading(match: re.Match[str], line: int) -> Heading:
    attributes = {key: quoted or bare for key, quoted, bare in _ATTRIBUTE.findall(match[3] or "")}
    return Heading(match[2], attributes.get("author", ""), attributes.get("dynasty", ""), number=line)
