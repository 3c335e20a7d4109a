"""Decides in which format a file is written: by what it begins with, else by its name."""

import json
import re
import zipfile
from enum import StrEnum
from pathlib import Path

from knowledge.errors import CorpusFileRefused
from knowledge.formats.field_names import NAMES
from knowledge.formats.json_stream import JsonStream


class Format(StrEnum):
    """How a source is written; the values are what ``--format`` takes."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    JSON_LINES = "jsonl"
    TABLE = "csv"
    POETRY = "chinese-poetry"
    GUSHIWEN = "gushiwen"
    PARALLEL = "parallel"
    TEI = "tei"
    EPUB = "epub"
    DOCX = "docx"
    PDF = "pdf"
    UNKNOWN = "unknown"


SUFFIXES = {
    ".txt": Format.TEXT,
    ".md": Format.MARKDOWN,
    ".markdown": Format.MARKDOWN,
    ".json": Format.JSON,
    ".jsonl": Format.JSON_LINES,
    ".ndjson": Format.JSON_LINES,
    ".csv": Format.TABLE,
    ".tsv": Format.TABLE,
    ".xml": Format.TEI,
    ".epub": Format.EPUB,
    ".docx": Format.DOCX,
    ".pdf": Format.PDF,
}
_HEAD_BYTES = 65_536
_JSON_START = re.compile(r'\s*(?:\[\s*[{\["\]]|\{\s*["}])')
# A text, which may begin with [[目录]], does not begin so.
_JSON_OBJECT_START = re.compile(r'\s*(?:\[\s*)?\{\s*"')
_NAMED_AS_TEXT = frozenset({Format.TEXT, Format.MARKDOWN, Format.TABLE})
_XML_START = re.compile(r"\s*<(?:\?xml\b|TEI\b|TEI\.2\b)")
_GUSHIWEN_KEYS = frozenset({"title", "writer", "content"})
# Names of docs/corpus.md that chinese-poetry has not, and those that chinese-gushiwen has not.
_OUR_NAMES = frozenset({"passages", "records", "text", "原文", "正文", "内容", *NAMES["work"]})
_NOT_GUSHIWEN = _OUR_NAMES.union(NAMES["chapter"], NAMES["section"], NAMES["path"])


def detect_format(path: Path, name: str) -> Format:
    """Return the format of the file; ``UNKNOWN`` where neither content nor name tells.

    What a file begins with outweighs its name: a PDF named ``.txt`` is a PDF. Of a file that cannot be read its
    name tells; who reads it then tells why it cannot be.
    """
    named = SUFFIXES.get(Path(name).suffix.lower(), Format.UNKNOWN)
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return named
    if b"%PDF-" in head[:1024]:
        return Format.PDF
    if head.startswith(b"PK\x03\x04"):
        return _archive_format(path, named)
    text = _ascii_view(head)
    if _XML_START.match(text):
        return Format.TEI
    json_start = _JSON_OBJECT_START if named in _NAMED_AS_TEXT else _JSON_START
    if json_start.match(text) or named in (Format.JSON, Format.JSON_LINES):
        return _json_format(text, named)
    return named


def speaks_our_names(path: Path) -> bool:
    """Tell JSON whose first object uses names of docs/corpus.md that no known collection has."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as text:
            stream = JsonStream(text)
            if stream.peek() == "[":
                first = next(stream.elements(), (0, None))[1]
                return isinstance(first, dict) and not _OUR_NAMES.isdisjoint(first)
            for key in stream.members():
                if key in _OUR_NAMES:
                    return True
                stream.value()
    except (CorpusFileRefused, OSError):
        # The reader will say what is wrong with it.
        return False
    return False


def _archive_format(path: Path, named: Format) -> Format:
    try:
        with zipfile.ZipFile(path) as archive:
            members = set(archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return named if named in (Format.EPUB, Format.DOCX) else Format.UNKNOWN
    if "META-INF/container.xml" in members:
        return Format.EPUB
    return Format.DOCX if "word/document.xml" in members else Format.UNKNOWN


def _ascii_view(head: bytes) -> str:
    """Read the beginning well enough to see its ASCII characters, whatever its encoding is."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", errors="replace").removeprefix("\ufeff")
    return head.removeprefix(b"\xef\xbb\xbf").decode("utf-8", errors="replace")


def _json_format(text: str, named: Format) -> Format:
    """Tell one document from lines of documents: there the first line is whole by itself."""
    first_line, _break, rest = text.strip().partition("\n")
    try:
        first = json.loads(first_line)
    except (ValueError, RecursionError):
        is_list = first_line.startswith("[")
        return Format.JSON_LINES if named is Format.JSON_LINES and not is_list else Format.JSON
    if isinstance(first, dict) and first.keys() >= _GUSHIWEN_KEYS and _NOT_GUSHIWEN.isdisjoint(first):
        return Format.GUSHIWEN
    are_lines = isinstance(first, dict) and bool(rest)
    return Format.JSON_LINES if are_lines or named is Format.JSON_LINES else Format.JSON
