"""Decides how a source becomes outlined works that can be stored, and tells on the way what it meets.

Nothing here touches the database, so that it can run in another process.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from knowledge.errors import CorpusFileRefused
from knowledge.formats import FileReport, Reading, Source, read_source
from knowledge.formats.file_names import readable_name
from knowledge.outlining.outline import WorkOutline, outline_works
from knowledge.outlining.records import Record, Refusal

_RECORDS_BETWEEN_REPORTS = 2_000
_REFUSALS_AT_ONCE = 500
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class ParseRequest:
    """A source to be read, and what names its works where its files do not."""

    source: Source
    work_title: str = ""
    edition: str = ""


@dataclass(frozen=True)
class RecordsRead:
    """How many records have been read of the source so far."""

    count: int


@dataclass(frozen=True)
class RecordsRefused:
    """Records that cannot be loaded, in the order in which they were met."""

    refusals: tuple[Refusal, ...]


@dataclass(frozen=True)
class SourceRead:
    """Every record has been read; the works follow."""

    record_count: int
    files: tuple[FileReport, ...]


@dataclass(frozen=True)
class ParsedWork:
    """A work to be stored, with its fingerprint and the number of its records."""

    outline: WorkOutline
    content_hash: str
    record_count: int


@dataclass(frozen=True)
class WorkTold:
    """The work before has been let go: there is memory for other things."""


@dataclass(frozen=True)
class SourceParsed:
    """The source has been told to its end."""

    fingerprint: str


@dataclass(frozen=True)
class SourceSkipped:
    """The source was loaded before, as it is."""

    fingerprint: str


@dataclass(frozen=True)
class SourceFailed:
    """The source as a whole cannot be loaded, for this reason."""

    message: str


SourceEnd: TypeAlias = SourceParsed | SourceSkipped | SourceFailed
Parsed: TypeAlias = RecordsRead | RecordsRefused | SourceRead | ParsedWork | WorkTold | SourceEnd
Emit: TypeAlias = Callable[[Parsed], None]


def parse(request: ParseRequest, emit: Emit, *, loaded: frozenset[str] = frozenset()) -> None:
    """Read a source to its end and emit all there is to say of it, each work as soon as it is whole.

    The last that is emitted is a ``SourceEnd``. A source whose fingerprint is among the ``loaded`` is not read
    further. What the receiver raises comes out here.
    """
    tally = _Tally(request, emit)
    try:
        fingerprint = fingerprint_of(request)
        if fingerprint in loaded:
            emit(SourceSkipped(fingerprint))
            return
        for outline in outline_works(tally.records()):
            emit(ParsedWork(outline, outline.content_hash, tally.records_of(outline)))
            # One work at a time is in memory: the next is outlined only now.
            del outline
            emit(WorkTold())
        if not tally.record_count:
            raise CorpusFileRefused(f"文件里没有可导入的文字。{tally.first_reason}")
    except CorpusFileRefused as refused:
        tally.flush()
        emit(SourceFailed(refused.message))
    else:
        emit(SourceParsed(fingerprint))


def fingerprint_of(request: ParseRequest) -> str:
    """Return a fingerprint of the source's bytes and of all that decides how they are read."""
    source = request.source
    digest = hashlib.blake2b(digest_size=32)
    digest.update(repr((source.format.value, source.name, request.work_title, request.edition)).encode())
    for file in source.files:
        path = source.root / file
        try:
            digest.update(repr((file.as_posix(), path.stat().st_size)).encode())
            with path.open("rb") as opened:
                while block := opened.read(_BLOCK_BYTES):
                    digest.update(block)
        except OSError as error:
            name = f" {readable_name(file)}" if len(source.files) > 1 else "文件"
            raise _unreadable(error, name) from error
    return digest.hexdigest()


class _Tally:
    """Counts the records of a source as they pass, and keeps the refused ones out."""

    def __init__(self, request: ParseRequest, emit: Emit) -> None:
        self.record_count = 0
        self.first_reason = ""
        self._request = request
        self._emit = emit
        self._refusals: list[Refusal] = []
        self._by_work: Counter[tuple[str, str]] = Counter()

    def records(self) -> Iterator[Record]:
        """Yield the records that can be loaded; emit what was refused, how many there are, and their end."""
        reading = read_source(self._request.source, work_title=self._request.work_title or None)
        for item in _items(reading):
            if isinstance(item, Refusal):
                self._refuse(item)
                continue
            record = self._named(item)
            self.record_count += 1
            self._by_work[record.work.title, record.work.edition] += 1
            if self.record_count % _RECORDS_BETWEEN_REPORTS == 0:
                self._emit(RecordsRead(self.record_count))
            yield record
        self.flush()
        if self.record_count:
            self._emit(SourceRead(self.record_count, tuple(reading.files)))

    def records_of(self, outline: WorkOutline) -> int:
        """Return how many records the work had."""
        return self._by_work[outline.details.title, outline.details.edition]

    def _named(self, record: Record) -> Record:
        """Give the record's work the edition that was asked for, where the file names none."""
        if record.work.edition or not self._request.edition:
            return record
        return replace(record, work=replace(record.work, edition=self._request.edition))

    def _refuse(self, refusal: Refusal) -> None:
        if not self.first_reason:
            place = f"第 {refusal.line} 行：" if refusal.line else ""
            self.first_reason = f"{place}{refusal.reason}"
        self._refusals.append(refusal)
        if len(self._refusals) >= _REFUSALS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Emit the refusals that wait."""
        if self._refusals:
            self._emit(RecordsRefused(tuple(self._refusals)))
            self._refusals.clear()


def _items(reading: Reading) -> Iterator[Record | Refusal]:
    """Yield what is read; a file that cannot be read at all is refused like one that makes no sense."""
    while True:
        try:
            item = next(reading)
        except StopIteration:
            return
        except OSError as error:
            raise _unreadable(error) from error
        yield item


def _unreadable(error: OSError, name: str = "文件") -> CorpusFileRefused:
    return CorpusFileRefused(f"无法读取{name}：{error.strerror or error}。")
