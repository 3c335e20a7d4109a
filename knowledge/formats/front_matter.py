"""Decides what the lines between two ``---`` at the top of a Markdown file say of its work."""

import re
from collections.abc import Iterator, Mapping

from knowledge.errors import CorpusFileRefused
from knowledge.formats.corpus_file import CorpusFile
from knowledge.outlining.records import WorkDetails

_KEYS = ("title", "aliases", "author", "dynasty", "category", "edition", "license", "source")
_QUOTED = re.compile(r"""^(["'])(.*)\1$""")
_LISTED = re.compile(r"^\[(.*)\]$")
_ITEM = re.compile(r"^\s*-\s+(.+)$")


def read_front_matter(file: CorpusFile) -> tuple[dict[str, str], int]:
    """Return the values of the names that we know, and the number of the first line after them.

    What lies under a name, indented or as list items, belongs to it; aliases are joined by 、. Raises
    ``CorpusFileRefused`` with the line that says nothing of the kind.
    """
    values: dict[str, str] = {}
    number, key = 0, ""
    for number, line in file.lines():
        is_fence = line.strip() == "---"
        if number == 1 and not is_fence:
            return {}, 1
        if number == 1 or not line.strip():
            continue
        if is_fence:
            return values, number + 1
        item = _ITEM.match(line)
        if item or line.startswith((" ", "\t", "#")):
            if item and key == "aliases":
                values[key] = "、".join(filter(None, (values.get(key), _unquoted(item[1]))))
            continue
        name, colon, value = line.partition(":")
        if not colon:
            raise CorpusFileRefused(f"第 {number} 行：文件头应写成“名称: 内容”。")
        key = name.strip()
        if key in _KEYS and value.strip():
            values[key] = "、".join(_parts(value.strip())) if key == "aliases" else _unquoted(value)
    if number:
        raise CorpusFileRefused("文件头没有以“---”结束。")
    return {}, 1


def details_of(values: Mapping[str, str]) -> WorkDetails:
    """Return the values as details of a work."""
    aliases = tuple(filter(None, map(str.strip, values.get("aliases", "").split("、"))))
    return WorkDetails(
        aliases=aliases, **{name: value for name, value in values.items() if name != "aliases"}
    )


def _parts(value: str) -> Iterator[str]:
    """Read ``[论, 语]`` or ``论、语``."""
    listed = _LISTED.match(value)
    yield from map(_unquoted, re.split("[,，、]", listed[1]) if listed else [value])


def _unquoted(value: str) -> str:
    quoted = _QUOTED.match(value.strip())
    return quoted[2] if quoted else value.strip()
