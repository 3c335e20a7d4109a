"""Decides what the product's ingestion is measured against: the least that anybody would write to search this corpus.

``load_bare`` is a script without a product around it; ``copy_prepared`` does not even read or fold.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile
from time import perf_counter
from typing import IO

from django.db import connection

_PEER = """
    DROP TABLE IF EXISTS bare_passage, bare_term;
    CREATE TABLE bare_passage (
        id bigint NOT NULL, work text NOT NULL, section text NOT NULL, text text NOT NULL, folded text NOT NULL,
        terms tsvector NOT NULL
    )
"""
_PEER_INDEXES = {
    "primary key": "ALTER TABLE bare_passage ADD PRIMARY KEY (id)",
    "GIN index of the bigrams": "CREATE INDEX bare_terms ON bare_passage USING gin (terms)",
    "table of bigram frequencies": (
        "CREATE TABLE bare_term AS SELECT word, ndoc FROM ts_stat('SELECT terms FROM bare_passage');"
        "ALTER TABLE bare_term ADD PRIMARY KEY (word)"
    ),
}
_PRODUCT_TABLES = (
    "knowledge_work",
    "knowledge_section",
    "knowledge_passage",
    "knowledge_indexsegment",
    "knowledge_postingblock",
)
_MAX_POSITION = 16_383
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class Part:
    """One part of a loading, and how long it took."""

    name: str
    seconds: float


def load_bare(folder: Path) -> list[Part]:
    """Read JSON lines, fold them, write their bigrams with positions, COPY, and build the indexes that a search needs."""
    _execute(_PEER)
    parts = [_timed("read, fold, COPY with bigrams", lambda: _copy_with_bigrams(folder))]
    parts += [_timed(name, partial(_execute, sql)) for name, sql in _PEER_INDEXES.items()]
    _execute("DROP TABLE bare_passage, bare_term")
    return parts


def copy_prepared() -> list[Part]:
    """COPY the very rows that the product has stored, ready as files, and build the same indexes of its tables."""
    return [part for table in _PRODUCT_TABLES for part in _copy_table(table)]


def _copy_with_bigrams(folder: Path) -> None:
    with connection.cursor() as cursor:
        statement = "COPY bare_passage (id, work, section, text, folded, terms) FROM STDIN"
        with cursor.copy(statement) as copy:
            for row in _rows(folder):
                copy.write_row(row)


def _rows(folder: Path) -> Iterator[tuple[int, str, str, str, str, str]]:
    from knowledge.folding import fold

    number = 0
    for path in sorted(folder.glob("*.jsonl")):
        with path.open(encoding="utf-8") as file:
            for line in file:
                number += 1
                record = json.loads(line)
                folded = fold(record["text"])
                row = (record["work"], record["section"], record["text"], folded)
                yield (number, *row, _terms(folded))


def _terms(folded: str) -> str:
    """Write the bigrams with their places, as a phrase search needs them."""
    places: dict[str, list[str]] = {}
    for start in range(len(folded) - 1):
        places.setdefault(folded[start : start + 2], []).append(str(min(start + 1, _MAX_POSITION)))
    return " ".join(f"'{pair}':{','.join(found)}" for pair, found in places.items())


def _copy_table(table: str) -> list[Part]:
    with TemporaryFile() as rows:
        _dump(table, rows)
        rows.seek(0)
        _execute(f"CREATE TABLE bare_copy (LIKE {table} INCLUDING DEFAULTS INCLUDING STORAGE)")
        copied = _timed(f"COPY {table}", lambda: _restore(rows))
        indexed = _timed(f"indexes of {table}", lambda: _execute(";".join(_indexes(table))))
        _execute("DROP TABLE bare_copy")
    return [copied, indexed]


def _dump(table: str, file: IO[bytes]) -> None:
    with connection.cursor() as cursor, cursor.copy(f"COPY {table} TO STDOUT (FORMAT BINARY)") as copy:
        for block in copy:
            file.write(block)


def _restore(file: IO[bytes]) -> None:
    with connection.cursor() as cursor, cursor.copy("COPY bare_copy FROM STDIN (FORMAT BINARY)") as copy:
        while block := file.read(_BLOCK_BYTES):
            copy.write(block)


def _indexes(table: str) -> list[str]:
    """Return statements that build the table's indexes for the copy."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s", [table])
        return [
            statement.replace(f"INDEX {name} ", f"INDEX bare_{number} ").replace(f".{table} ", ".bare_copy ")
            for number, (name, statement) in enumerate(cursor.fetchall())
        ]


def _timed(name: str, run: Callable[[], object]) -> Part:
    started = perf_counter()
    run()
    return Part(name, perf_counter() - started)


def _execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
