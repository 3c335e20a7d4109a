"""Decides how records wait, sorted by work, until the last file of a source is read: on disk, not in memory."""

import marshal
from collections.abc import Iterator
from functools import lru_cache
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import Any, Self, TypeAlias

from knowledge.outlining.records import Heading, Record, WorkDetails

WorkKey: TypeAlias = tuple[str, str]
_BUFFERED_CHARACTERS = 2_000_000
_BYTES_IN_MEMORY = 8 * 1024 * 1024
_Row: TypeAlias = tuple[Any, ...]


class RecordSpool:
    """Keeps records in a temporary file, in stretches of one work each, and gives them back work by work.

    Works are named by (title, edition) and come in the order in which they appeared; memory is bounded by
    the buffer and by the number of works.
    """

    def __init__(self, *, buffered_characters: int = _BUFFERED_CHARACTERS) -> None:
        self._file = SpooledTemporaryFile(max_size=_BYTES_IN_MEMORY)  # noqa: SIM115 - closed by __exit__
        self._stretches: dict[WorkKey, list[tuple[int, int]]] = {}
        self._pending: dict[WorkKey, list[_Row]] = {}
        self._pending_characters = 0
        self._buffered_characters = buffered_characters

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, record: Record) -> None:
        """Take one record."""
        key = (record.work.title, record.work.edition)
        self._stretches.setdefault(key, [])
        self._pending.setdefault(key, []).append(_row(record))
        self._pending_characters += len(record.text) + len(record.translation) + 100
        if self._pending_characters > self._buffered_characters:
            self._flush()

    def works(self) -> list[WorkKey]:
        """Return the works in the order in which they appeared."""
        return list(self._stretches)

    def read(self, work: WorkKey) -> Iterator[Record]:
        """Yield the records of one work in the order in which they came."""
        self._flush()
        details: dict[_Row, WorkDetails] = {}
        for position, length in self._stretches[work]:
            self._file.seek(position)
            for row in marshal.loads(self._file.read(length)):
                yield _record(row, details)

    def _flush(self) -> None:
        self._file.seek(0, 2)
        for key, rows in self._pending.items():
            position = self._file.tell()
            # Only this process reads it, so that the format of marshal may differ between Python versions.
            length = self._file.write(marshal.dumps(rows))
            self._stretches[key].append((position, length))
        self._pending, self._pending_characters = {}, 0


def _row(record: Record) -> _Row:
    return (
        tuple(vars(record.work).values()),
        _heading_rows(record.headings),
        record.text,
        record.line,
        record.kind,
        record.translation,
        record.file,
        record.goes_on,
    )


@lru_cache(maxsize=256)
def _heading_rows(headings: tuple[Heading, ...]) -> _Row:
    """Return the same rows for the same headings, which marshal then writes once for all their records."""
    return tuple((each.title, each.author, each.dynasty, each.number) for each in headings)


@lru_cache(maxsize=256)
def _headings(rows: _Row) -> tuple[Heading, ...]:
    return tuple(Heading(*row) for row in rows)


def _record(row: _Row, details: dict[_Row, WorkDetails]) -> Record:
    work = details.get(row[0])
    if work is None:
        work = details[row[0]] = WorkDetails(*row[0])
    return Record(work, _headings(row[1]), *row[2:])
