"""Decides what a process remembers of the index's segments: which passages they hold, and how long those are.

A segment never changes once written, so that what is remembered of it stays true as long as it lives.
"""

import threading
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from knowledge.models import IndexSegment


@dataclass(frozen=True)
class Snapshot:
    """The segments that live, one after the other; documents are numbered through all of them.

    ``offsets`` tell for each of the ``segments`` the number of its first document. The arrays have one entry for each
    document: the passage's id, its work's id, its length in characters with the names of its place.
    ``frequencies`` tell in how many texts each character stands, by code point.
    """

    segments: list[uuid.UUID]
    offsets: list[int]
    passage_ids: NDArray[np.int64]
    work_ids: NDArray[np.int64]
    lengths: NDArray[np.float32]
    frequencies: dict[int, int]
    has_translations: bool

    @property
    def size(self) -> int:
        """How many documents there are, those of removed passages included."""
        return len(self.passage_ids)

    @cached_property
    def mean_length(self) -> float:
        """The mean length of a document in characters, at least 1."""
        return max(1.0, float(self.lengths.mean())) if self.size else 1.0


def take_snapshot() -> Snapshot:
    """Return the segments that live now; a process reads each of them once."""
    global _latest
    with connection.cursor() as cursor:
        cursor.execute(_LIVING)
        living = [key for (key,) in cursor.fetchall()]
    with _lock:
        if _latest.segments == living:
            return _latest
    segments = IndexSegment.objects.in_bulk(living)
    snapshot = _join([segments[key] for key in living if key in segments])
    with _lock:
        _latest = snapshot
    return snapshot


# Every search asks this; the ORM would take longer to write the statement than PostgreSQL to answer it.
_LIVING = "SELECT id FROM knowledge_indexsegment ORDER BY last_passage_id"


def _join(segments: list[IndexSegment]) -> Snapshot:
    starts = np.cumsum([0, *(segment.passage_count for segment in segments)])
    frequencies: dict[int, int] = {}
    for segment in segments:
        codes = np.frombuffer(segment.characters, "<u4").tolist()
        counts = np.frombuffer(segment.frequencies, "<u4").tolist()
        for code, count in zip(codes, counts, strict=True):
            frequencies[code] = frequencies.get(code, 0) + count
    return Snapshot(
        segments=[segment.pk for segment in segments],
        offsets=[int(start) for start in starts[:-1]],
        passage_ids=_column((segment.passage_ids for segment in segments), "<i8").astype(np.int64),
        work_ids=_column((segment.work_ids for segment in segments), "<i8").astype(np.int64),
        lengths=_column((segment.lengths for segment in segments), "<u4").astype(np.float32),
        frequencies=frequencies,
        has_translations=any(segment.has_translations for segment in segments),
    )


def _column(parts: Iterable[bytes | memoryview], kind: str) -> NDArray[np.generic]:
    return np.frombuffer(b"".join(map(bytes, parts)), kind)


_lock = threading.Lock()
_latest = _join([])
