"""Decides what of an HTML document is text: its blocks in order, without notes, scripts and readings of characters."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree

from knowledge.errors import CorpusFileRefused
from knowledge.formats.markup import join_lines, local_name

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_BLOCKS = frozenset(
    {"p", "div", "li", "ul", "ol", "dl", "dd", "dt", "table", "tr", "td", "th", "pre", "blockquote", "hr"}
    | {"body", "section", "article", "main", "header", "footer", "aside", "figure", "figcaption", "center"}
    | {"address", *_HEADINGS}
)
_LEFT_OUT = frozenset({"script", "style", "head", "nav", "rt", "rp", "svg", "math", "template"})
_NOTE_TYPES = frozenset({"noteref", "footnote", "footnotes", "endnote", "endnotes", "rearnote", "rearnotes"})
# In the XML declaration, or in a meta element.
_DECLARED = re.compile(rb"""(?:encoding|charset)\s*=\s*["']?([A-Za-z0-9._-]+)""", re.IGNORECASE)
_HEAD_BYTES = 2048
_SUPERSETS = {"gb2312": "gb18030", "gbk": "gb18030", "big5": "cp950"}
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
    """Yield the blocks of a document; a line break of the text is one, a line break of the source is none.

    Raises ``CorpusFileRefused`` at the end of a document of which the parser has left something out.
    """
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True
    )
    root = etree.fromstring(_in_utf8(data), parser) if data.strip() else None
    if root is None:
        return
    yield from _blocks_below(root)
    for error in parser.error_log.filter_from_fatals():
        raise CorpusFileRefused(
            f"标签嵌套太深，或网页有误（第 {error.line} 行），其后的文字没有读入。请整理后重新导入。"
        )


def _blocks_below(root: Any) -> Iterator[Block]:
    """Walk through the document without recursion: tags that nobody closed lie very deep."""
    gatherer = _Gatherer()
    levels = [0]
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        name = local_name(element).rpartition(":")[2]
        is_left_out = name in _LEFT_OUT or _is_note(element)
        if event == "start":
            levels.append(_HEADINGS.get(name, levels[-1]))
            if is_left_out:
                walk.skip_subtree()
                continue
            if name in _BLOCKS:
                yield from gatherer.flush(element, levels[-1])
            gatherer.mark(element.get("id") or (element.get("name") if name == "a" else None))
            gatherer.add("\v" if name == "br" else element.text)
            continue
        levels.pop()
        if name in _BLOCKS and not is_left_out:
            yield from gatherer.flush(element, levels[-1])
        gatherer.add(element.tail)
    yield from gatherer.flush(root)


def _is_note(element: Any) -> bool:
    """Tell a note or the mark that refers to one."""
    kinds = {
        *element.get(_TYPE, "").split(),
        *element.get("epub:type", "").split(),
        element.get("role", "")[4:],
    }
    return not kinds.isdisjoint(_NOTE_TYPES)


def _in_utf8(data: bytes) -> bytes:
    """Return the document in UTF-8, which EPUB asks for beside UTF-16; others are read as they say they are."""
    codec = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8"
    try:
        return data.decode(codec).encode()
    except UnicodeDecodeError:
        match = _DECLARED.search(data[:_HEAD_BYTES])
        codec = match[1].decode("ascii").lower() if match else codec
    try:
        return data.decode(_SUPERSETS.get(codec, codec), errors="replace").encode()
    except LookupError:
        return data
