"""Decides how a table (CSV or TSV) becomes records: the header names the fields, each row is a record."""

import csv
from collections import deque
from collections.abc import Iterator, Sequence

from knowledge.errors import CorpusFileRefused
from knowledge.formats.corpus_file import CorpusFile
from knowledge.formats.field_names import NAMES
from knowledge.formats.fields import Place, read_value
from knowledge.outlining.records import ParsedItems, Refusal

_DELIMITERS = ("\t", ",", ";")
_FIELD_NAMES = frozenset(name for names in NAMES.values() for name in names)
_TEXT_NAMES = frozenset(NAMES["text"])


def read_table(file: CorpusFile, work_title: str | None) -> ParsedItems:
    """Yield the record of each row; a row that does not fit the header is refused alone.

    Raises ``CorpusFileRefused`` where no column holds the text, or two have one name.
    """
    defaults = {"work": work_title or file.title}
    lines = file.lines()
    _number, header_line = next(lines, (1, ""))
    delimiter = max(_DELIMITERS, key=lambda each: _known_names(header_line, each))
    header = [name.strip().lower() for name in next(csv.reader([header_line], delimiter=delimiter), [])]
    _check_header(header)
    for lines_of_row, row in _rows(_Lines(lines), delimiter):
        line, last = lines_of_row[0], lines_of_row[-1]
        if isinstance(row, csv.Error):
            yield Refusal(file.name, line, f"表格的这一行有误（引号没有成对，或一格过长）：{row}。")
        elif len(row) != len(header):
            shown = "这一行" if line == last else f"这一行（引号之内，到第 {last} 行为止）"
            yield Refusal(file.name, line, f"{shown}有 {len(row)} 列，表头有 {len(header)} 列。")
        else:
            yield from read_value(dict(zip(header, row, strict=True)), Place(file, line, defaults))


def _check_header(header: Sequence[str]) -> None:
    if not _TEXT_NAMES.intersection(header):
        raise CorpusFileRefused(
            f"表格的第一行应是列名，其中要有 text（或“原文”）一列；现有：{'、'.join(header)[:200] or '空'}。"
        )
    repeated = sorted({name for name in _FIELD_NAMES.intersection(header) if header.count(name) > 1})
    if repeated:
        raise CorpusFileRefused(f"表格有几列同名：{'、'.join(repeated)}。请改名或合并后再导入。")


class _Lines:
    """The lines after the header, for a reader that takes several of them for one row.

    The lines of one row are kept; the reader limits them, since it refuses a cell that is too long.
    """

    def __init__(self, lines: Iterator[tuple[int, str]]) -> None:
        self._lines = lines
        self._returned = deque[tuple[int, str]]()
        self._taken: list[tuple[int, str]] = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        numbered = self._returned.popleft() if self._returned else next(self._lines)
        self._taken.append(numbered)
        return f"{numbered[1]}\n"

    def end_row(self) -> list[int]:
        """Return the numbers of the lines of the row that was read."""
        numbers = [number for number, _line in self._taken]
        self._taken.clear()
        return numbers

    def break_row(self) -> list[int]:
        """Give back all lines of a row that is none but for its first, and return the number of that."""
        self._returned.extendleft(reversed(self._taken[1:]))
        return self.end_row()[:1]


def _rows(lines: _Lines, delimiter: str) -> Iterator[tuple[list[int], list[str] | csv.Error]]:
    """Yield each row that is not blank with the numbers of its lines, or why the first of them cannot be read."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield lines.break_row(), error
            continue
        numbers = lines.end_row()
        if any(cell.strip() for cell in row):
            yield numbers, row


def _known_names(header_line: str, delimiter: str) -> int:
    return sum(name.strip(' "\n').lower() in _FIELD_NAMES for name in header_line.split(delimiter))
