"""Decides how a table (CSV or TSV) becomes records: the header names the fields, each row is a record."""

import csv
from collections.abc import Iterator

from knowledge.errors import CorpusFileRefused
from knowledge.formats.corpus_file import MAX_LINE_CHARACTERS, CorpusFile
from knowledge.formats.fields import NAMES, Place, read_value
from knowledge.outlining.records import ParsedItems, Refusal

_DELIMITERS = ("\t", ",", ";")
_FIELD_NAMES = frozenset(name for names in NAMES.values() for name in names)
_TEXT_NAMES = frozenset(NAMES["text"])


def read_table(file: CorpusFile, work_title: str | None) -> ParsedItems:
    """Yield the record of each row; a row that does not fit the header is refused alone.

    Raises ``CorpusFileRefused`` where no column holds the text.
    """
    defaults = {"work": work_title or file.stem}
    with file.open() as text:
        header_line = text.readline(MAX_LINE_CHARACTERS)
        delimiter = max(_DELIMITERS, key=lambda each: _known_names(header_line, each))
        header = [name.strip().lower() for name in next(csv.reader([header_line], delimiter=delimiter), [])]
        if not _TEXT_NAMES.intersection(header):
            raise CorpusFileRefused(
                f"表格的第一行应是列名，其中要有 text（或“原文”）一列；现有：{'、'.join(header)[:200] or '空'}。"
            )
        for line, row in _rows(_Lines(text), delimiter, file):
            if isinstance(row, Refusal):
                yield row
            elif len(row) != len(header):
                yield Refusal(file.name, line, f"这一行有 {len(row)} 列，表头有 {len(header)} 列。")
            else:
                yield from read_value(dict(zip(header, row, strict=True)), Place(file, line, defaults))


class _Lines:
    """The lines after the header, counted, for a reader that takes several of them for one row."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.count = 1

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.count += 1
        return line


def _rows(lines: _Lines, delimiter: str, file: CorpusFile) -> Iterator[tuple[int, list[str] | Refusal]]:
    """Yield each row that is not blank with its first line, or why it cannot be read."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        first = lines.count + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield first, Refusal(file.name, first, f"表格的这一行有误（引号没有成对，或一格过长）：{error}。")
            continue
        if any(cell.strip() for cell in row):
            yield first, row


def _known_names(header_line: str, delimiter: str) -> int:
    return sum(name.strip(' "\n').lower() in _FIELD_NAMES for name in header_line.split(delimiter))
