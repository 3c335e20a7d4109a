"""Decides how XML is parsed when nobody knows who wrote it: no entities, no network, no DTD, bounded depth."""

import codecs
import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from lxml import etree

from knowledge.errors import CorpusFileRefused

_HEAD_BYTES = 65_536
_ENCODING = re.compile(rb"""\s*<\?xml[^>]*?\bencoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")
_LINE_BREAK_IN_LATIN = re.compile(r"(?<=[!-~])\s*\n\s*(?=[!-~])")
_LINE_BREAK = re.compile(r"[ \t\r]*\n\s*")


def declared_encoding(path: Path) -> str:
    """Return the encoding that the document names for itself; without a word it is UTF-8 or UTF-16."""
    with path.open("rb") as file:
        head = file.read(200)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    match = _ENCODING.match(head.removeprefix(codecs.BOM_UTF8))
    return match[1].decode("ascii").upper() if match else "UTF-8"


def parse_events(stream: IO[bytes]) -> Iterator[tuple[str, Any]]:
    """Yield ("start" or "end", element) for each element while the document is read.

    Whoever listens clears what he has used. Raises ``CorpusFileRefused`` with the line where it is not
    well-formed, and for a document that declares entities.
    """
    head = stream.read(_HEAD_BYTES)
    stream.seek(0)
    if b"<!ENTITY" in head:
        raise CorpusFileRefused("XML 里声明了实体（<!ENTITY>），为安全起见不予解析；请先把实体换成文字。")
    events = etree.iterparse(
        stream,
        events=("start", "end"),
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        yield from events
    except etree.XMLSyntaxError as error:
        first = next(iter(events.error_log), None)
        line, reason = (first.line, first.message) if first else (error.lineno, error.msg)
        raise CorpusFileRefused(f"XML 有误：第 {line} 行，{reason}。") from error


def parse_whole(data: bytes) -> Any:
    """Return the root of a small document."""
    root = None
    for _event, element in parse_events(BytesIO(data)):
        root = element
    return root


def local_name(element: Any) -> str:
    """Return an element's name without its namespace; "" for an entity that was not resolved."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def join_lines(text: str) -> str:
    """Undo the line breaks of the source, which mean nothing; between Latin words they are spaces."""
    return _LINE_BREAK.sub("", _LINE_BREAK_IN_LATIN.sub(" ", text))
