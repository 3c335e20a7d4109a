"""Decides in which format a file is written: by what it begins with, else by its name."""

import json
import re
import zipfile
from enum import StrEnum
from pathlib import Path


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
_XML_START = re.compile(r"\s*<(?:\?xml\b|TEI\b|TEI\.2\b)")
_GUSHIWEN_KEYS = frozenset({"title", "writer", "content"})


def detect_format(path: Path, name: str) -> Format:
    """Return the format of the file; ``UNKNOWN`` where neither content nor name tells.

    What a file begins with outweighs its name: a PDF named ``.txt`` is a PDF.
    """
    named = SUFFIXES.get(Path(name).suffix.lower(), Format.UNKNOWN)
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if b"%PDF-" in head[:1024]:
        return Format.PDF
    if head.startswith(b"PK\x03\x04"):
        return _archive_format(path, named)
    text = _ascii_view(head)
    if _XML_START.match(text):
        return Format.TEI
    if _JSON_START.match(text) or named in (Format.JSON, Format.JSON_LINES):
        return _json_format(text, named)
    return named


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
    if isinstance(first, dict) and first.keys() >= _GUSHIWEN_KEYS:
        return Format.GUSHIWEN
    are_lines = isinstance(first, dict) and bool(rest)
    return Format.JSON_LINES if are_lines or named is Format.JSON_LINES else Format.JSON
