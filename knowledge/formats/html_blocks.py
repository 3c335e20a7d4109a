"""Decides what of an HTML document is text: its blocks in order, without notes, scripts and readings of characters."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree

from knowledge.formats.markup import join_lines, local_name

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset(
    {"p", "div", "li", "ul", "ol", "dl", "dd", "dt", "table", "tr", "td", "th", "pre", "blockquote", "hr"}
    | {"body", "section", "article", "main", "header", "footer", "aside", "figure", "figcaption", "center"}
    | {"address", *_HEADINGS}
)
_LEFT_OUT = frozenset({"script", "style", "head", "nav", "rt", "rp", "svg", "math", "template"})
_NOTE_TYPES = frozenset({"noteref", "footnote", "footnotes", "endnote", "endnotes", "rearnote", "rearnotes"})
_TYPE = "{http://www.idpf.org/2007/ops}type"


@dataclass(frozen=True)
class Block:
    """One paragraph or heading; ``anchors`` are the ids that stand in it or before it."""

    text: str
    line: int
    heading_level: int = 0
    anchors: tuple[str, ...] = ()


class _Gatherer:
    """Gathers the text between the borders of blocks."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._anchors: list[str] = []
        self._line = 0
        self._level = 0

    def add(self, text: str | None) -> None:
        self._pieces.append(text or "")

    def flush(self, element: Any, level: int = 0) -> Iterator[Block]:
        """End the block so far, if there is any, and begin one at the element."""
        lines = "".join(self._pieces).split("\v")
        text = "\n".join(filter(None, (join_lines(line).strip() for line in lines)))
        if text:
            yield Block(text, self._line, self._level, tuple(self._anchors))
            self._anchors = []
        self._pieces = []
        self._line, self._level = element.sourceline or 0, level

    def mark(self, anchor: str | None) -> None:
        if anchor:
            self._anchors.append(anchor)


def read_blocks(data: bytes) -> Iterator[Block]:
    """Yield the blocks of a document; a line break of the text is one, a line break of the source is none."""
    parser = etree.HTMLParser(
        encoding=_declared_encoding(data), no_network=True, remove_comments=True, remove_pis=True
    )
    root = etree.fromstring(data, parser) if data.strip() else None
    if root is None:
        return
    gatherer = _Gatherer()
    yield from _walk(root, gatherer, 0)
    yield from gatherer.flush(root)


def _walk(element: Any, gatherer: _Gatherer, level: int) -> Iterator[Block]:
    name = local_name(element).rpartition(":")[2]
    if name in _LEFT_OUT or _is_note(element):
        return
    is_block = name in _BLOCKS
    level = _HEADINGS.get(name, level)
    if is_block:
        yield from gatherer.flush(element, level)
    gatherer.mark(element.get("id"))
    gatherer.add("\v" if name == "br" else element.text)
    for child in element:
        yield from _walk(child, gatherer, level)
        gatherer.add(child.tail)
    if is_block:
        yield from gatherer.flush(element, 0 if name in _HEADINGS else level)


def _is_note(element: Any) -> bool:
    """Tell a note or the mark that refers to one."""
    kinds = {
        *element.get(_TYPE, "").split(),
        *element.get("epub:type", "").split(),
        element.get("role", "")[4:],
    }
    return not kinds.isdisjoint(_NOTE_TYPES)


def _declared_encoding(data: bytes) -> str:
    """EPUB allows UTF-8 and UTF-16 alone."""
    return "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8"
