"""Decides how files become records: what is one source, how it is written, and which records are unfit.

``discover`` finds the sources, ``read_source`` reads one; ``read_file`` reads a single file.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from knowledge.errors import CorpusFileRefused
from knowledge.formats.corpus_file import CorpusFile
from knowledge.formats.detection import SUFFIXES, Format
from knowledge.formats.discovery import Source, discover, left_out
from knowledge.formats.docx import read_docx
from knowledge.formats.encoding import detect_encoding
from knowledge.formats.epub import read_epub
from knowledge.formats.file_names import readable_name
from knowledge.formats.fitness import unfitness
from knowledge.formats.gushiwen import read_gushiwen
from knowledge.formats.json_records import read_json, read_json_lines
from knowledge.formats.markdown import read_markdown
from knowledge.formats.markup import declared_encoding
from knowledge.formats.parallel import read_leaf
from knowledge.formats.pdf import read_pdf
from knowledge.formats.plain import read_plain
from knowledge.formats.poetry import read_poetry
from knowledge.formats.tables import read_table
from knowledge.formats.tei import read_tei
from knowledge.outlining.records import ParsedItems, Record, Refusal, WorkDetails

__all__ = [
    "SUFFIXES",
    "FileReport",
    "Format",
    "Reading",
    "Source",
    "discover",
    "left_out",
    "read_file",
    "read_source",
]

Reader = Callable[[CorpusFile, str | None], ParsedItems]

_READERS: Mapping[Format, Reader] = {
    Format.TEXT: read_plain,
    Format.MARKDOWN: read_markdown,
    Format.JSON: read_json,
    Format.JSON_LINES: read_json_lines,
    Format.TABLE: read_table,
    Format.POETRY: read_poetry,
    Format.GUSHIWEN: read_gushiwen,
    Format.TEI: read_tei,
    Format.EPUB: read_epub,
    Format.DOCX: read_docx,
    Format.PDF: read_pdf,
}
# These say in themselves how they are encoded.
_SELF_DESCRIBING = frozenset({Format.TEI, Format.EPUB, Format.DOCX, Format.PDF})


@dataclass(frozen=True)
class FileReport:
    """How one file of a source was read: its format and its encoding, "" where the format itself decides."""

    file: str
    format: Format
    encoding: str


@dataclass
class Reading(Iterator[Record | Refusal]):
    """The records and refusals of a source, read while they are asked for.

    ``files`` fills with a report of each file that was opened. The iteration raises ``CorpusFileRefused``
    where the source is a single file that cannot be read; of several the broken one is refused alone.
    """

    _items: ParsedItems
    files: list[FileReport] = field(default_factory=list)

    def __iter__(self) -> "Reading":
        return self

    def __next__(self) -> Record | Refusal:
        return next(self._items)


def read_source(source: Source, *, work_title: str | None = None, format: Format | None = None) -> Reading:
    """Read the files of a source in their order: every record that can be loaded, and a refusal for the rest.

    ``work_title`` names the work where the files do not. ``format`` overrides what was detected.
    """
    reports: list[FileReport] = []
    chosen = format or source.format
    if chosen is Format.PARALLEL:
        return Reading(_read_parallel(source, work_title, reports), reports)
    return Reading(_read_files(source, chosen, work_title, reports), reports)


def read_file(path: Path, *, work_title: str | None = None, format: Format | None = None) -> Reading:
    """Read a single file as ``read_source`` reads a source."""
    return read_source(*discover([path], format=format), work_title=work_title)


def _read_files(
    source: Source, format: Format, work_title: str | None, reports: list[FileReport]
) -> ParsedItems:
    for ordinal, file in enumerate(source.files):
        name = readable_name(file)
        try:
            yield from _read_file(source.root / file, name, ordinal, format, work_title, reports)
        except CorpusFileRefused as refused:
            if len(source.files) == 1:
                raise
            yield Refusal(name, 0, refused.message)


def _read_file(
    path: Path, name: str, ordinal: int, format: Format, work_title: str | None, reports: list[FileReport]
) -> ParsedItems:
    reader = _READERS.get(format)
    if reader is None:
        raise CorpusFileRefused(f"不支持“{Path(name).suffix or name}”格式；目前支持 {'、'.join(SUFFIXES)}。")
    file = _open(path, name, ordinal, format, reports)
    yield from _checked(reader(file, work_title), name)


def _read_parallel(source: Source, work_title: str | None, reports: list[FileReport]) -> ParsedItems:
    """Read a book leaf by leaf: the files of one folder together."""
    work = WorkDetails(work_title or source.name)
    ordinals = {file: ordinal for ordinal, file in enumerate(source.files)}
    for leaf, files in groupby(source.files, key=lambda file: file.parent):
        try:
            opened = {
                file.name: _open(
                    source.root / file, readable_name(file), ordinals[file], Format.PARALLEL, reports
                )
                for file in files
            }
            yield from _checked(read_leaf(opened, work), readable_name(leaf))
        except CorpusFileRefused as refused:
            if len(source.files) == 1:
                raise
            yield Refusal(readable_name(leaf), 0, refused.message)


def _open(path: Path, name: str, ordinal: int, format: Format, reports: list[FileReport]) -> CorpusFile:
    if format in _SELF_DESCRIBING:
        reports.append(FileReport(name, format, declared_encoding(path) if format is Format.TEI else ""))
        return CorpusFile(path, name, "", ordinal)
    encoding = detect_encoding(path)
    reports.append(FileReport(name, format, encoding.label))
    return CorpusFile(path, name, encoding.codec, ordinal)


def _checked(items: ParsedItems, name: str) -> ParsedItems:
    """Refuse the records that are unfit, and a file that holds nothing at all."""
    is_empty = True
    for item in items:
        is_empty = False
        reason = unfitness(item) if isinstance(item, Record) else ""
        yield Refusal(item.file, item.line, reason) if isinstance(item, Record) and reason else item
    if is_empty:
        yield Refusal(name, 0, "文件里没有文字。")
