"""Decides how posting lists are read: many terms in one statement, all of them on one state of the index."""

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from operator import itemgetter
from typing import Any, Concatenate, ParamSpec, TypeAlias, TypeVar

import numpy as np
import psycopg
from django.db import connection
from numpy.typing import NDArray

from knowledge.index.postings import Documents, character_terms, pair_term, read_postings, read_range
from knowledge.index.segments import Snapshot, take_snapshot

_ATTEMPTS = 5

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")
Numbers: TypeAlias = NDArray[np.int64]
Postings: TypeAlias = dict[str, Numbers]


class _SnapshotGone(Exception):
    """A segment was written anew between the snapshot and the reading of its blocks."""


def on_one_snapshot(
    function: Callable[Concatenate[Snapshot, _Arguments], _Result],
) -> Callable[_Arguments, _Result]:
    """Call the function with a snapshot of the index, and again where that has gone meanwhile."""

    @wraps(function)
    def call(*arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Result:
        for _attempt in range(_ATTEMPTS - 1):
            try:
                return function(take_snapshot(), *arguments, **named)
            except _SnapshotGone:
                continue
        return function(take_snapshot(), *arguments, **named)

    return call


def read_pairs(snapshot: Snapshot, pairs: Iterable[str]) -> Postings:
    """Return for each pair the numbers of the documents that have it in text or names, in order."""
    terms = {pair_term(pair): pair for pair in pairs}
    return {terms[term]: numbers for term, numbers in _read_terms(snapshot, list(terms)).items()}


def read_both(snapshot: Snapshot, pairs: Sequence[str]) -> tuple[Postings, Postings]:
    """Return the same, and for each pair the documents that have it in their translation, if any has one."""
    if not snapshot.has_translations:
        return read_pairs(snapshot, pairs), {}
    own = [pair_term(pair) for pair in pairs]
    translated = [pair_term(pair, translated=True) for pair in pairs]
    numbers = _read_terms(snapshot, own + translated)
    return (
        {pair: numbers[term] for pair, term in zip(pairs, own, strict=True)},
        {pair: numbers[term] for pair, term in zip(pairs, translated, strict=True)},
    )


def _read_terms(snapshot: Snapshot, terms: list[int]) -> dict[int, Numbers]:
    lists: dict[int, list[tuple[int, Documents]]] = {term: [] for term in terms}
    rows = _fetch(READ_POSTINGS, [terms, snapshot.segments])
    if terms and len({place for _term, place, _data in rows}) < len(snapshot.segments):
        # Or a segment that has nothing at or below these terms, which is as rare.
        _assert_latest(snapshot)
    for term, place, data in rows:
        documents = read_postings(data, term)
        if len(documents):
            lists[term].append((snapshot.offsets[place - 1], documents))
    return {term: _joined(parts) for term, parts in lists.items()}


def _assert_latest(snapshot: Snapshot) -> None:
    if take_snapshot() is not snapshot:
        raise _SnapshotGone


def _fetch(statement: str, parameters: Any) -> list[tuple[Any, ...]]:
    """Ask for rows as bytes: hundreds of blocks would come as twice as much hexadecimal text."""
    connection.ensure_connection()
    binary: Any = psycopg.Cursor(connection.connection)
    binary.format = psycopg.pq.Format.BINARY
    with connection.make_cursor(binary) as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


READ_POSTINGS = """
    SELECT asked.term, segment.place, block.data
    FROM unnest(%s::bigint[]) AS asked (term)
    CROSS JOIN unnest(%s::uuid[]) WITH ORDINALITY AS segment (id, place)
    CROSS JOIN LATERAL (
        SELECT data
        FROM knowledge_postingblock
        WHERE segment_id = segment.id AND first_term <= asked.term
        ORDER BY first_term DESC
        LIMIT 1
    ) AS block
"""


def read_character(snapshot: Snapshot, character: str) -> Numbers:
    """Return the numbers of the documents that have the character."""
    first, last = character_terms(character)
    parameters = {"first": first, "last": last, "segments": snapshot.segments}
    parts = [
        (snapshot.offsets[place - 1], read_range(data, first, last))
        for place, data in _fetch(READ_CHARACTER, parameters)
    ]
    return np.unique(_joined(parts))


READ_CHARACTER = """
    SELECT segment.place, block.data
    FROM unnest(%(segments)s::uuid[]) WITH ORDINALITY AS segment (id, place)
    JOIN knowledge_postingblock AS block ON block.segment_id = segment.id
        AND block.first_term < %(last)s
        AND block.first_term >= coalesce((
            SELECT max(first_term) FROM knowledge_postingblock
            WHERE segment_id = segment.id AND first_term <= %(first)s
        ), %(first)s)
"""


def _joined(parts: list[tuple[int, Documents]]) -> Numbers:
    """Number the documents of the segments through, in order."""
    numbered = [documents + np.int64(offset) for offset, documents in sorted(parts, key=itemgetter(0))]
    return np.concatenate(numbered) if numbered else np.empty(0, np.int64)
