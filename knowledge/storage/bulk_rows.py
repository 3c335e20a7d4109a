"""Decides how thousands of rows enter, change and leave a table at once: COPY, and one statement from arrays.

Every function is a step inside the caller's transaction. Columns are given with their PostgreSQL types. Names of
tables, columns and types come from this code, never from outside.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from django.db import connection

# Statements take arrays of so many rows, so that neither side holds more at once.
ROWS_AT_ONCE = 10_000

Columns: TypeAlias = Mapping[str, str]


def reserve_ids(table: str, count: int) -> list[int]:
    """Return so many new ids of the table, in order; nobody else gets them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT nextval(pg_get_serial_sequence(%s, 'id')) FROM generate_series(1, %s)", [table, count]
        )
        return [row[0] for row in cursor]


def copy_rows(table: str, columns: Columns, rows: Iterable[Sequence[Any]]) -> None:
    """Insert the rows, read one by one, by binary COPY; columns that are not given take their defaults."""
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(list(columns.values()))
        for row in rows:
            copy.write_row(row)


def update_rows(table: str, columns: Columns, rows: Sequence[Sequence[Any]]) -> None:
    """Give rows new values; the first column is ``id``, by which they are found."""
    given = ", ".join(f"%s::{kind}[]" for kind in columns.values())
    changes = ", ".join(f"{name} = given.{name}" for name in columns if name != "id")
    statement = (
        f"UPDATE {table} AS stored SET {changes} FROM unnest({given}) AS given ({', '.join(columns)}) "
        "WHERE stored.id = given.id"
    )
    with connection.cursor() as cursor:
        for batch in in_batches(rows):
            cursor.execute(statement, [list(values) for values in zip(*batch, strict=True)])


def delete_rows(table: str, column: str, keys: Sequence[int]) -> None:
    """Delete the rows whose column has one of the keys."""
    with connection.cursor() as cursor:
        for batch in in_batches(keys):
            cursor.execute(f"DELETE FROM {table} WHERE {column} = ANY(%s)", [list(batch)])


def analyze(tables: Iterable[str]) -> None:
    """Let the planner know how the tables have grown, before the server would look by itself."""
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {', '.join(tables)}")


def in_batches(rows: Sequence[Any], size: int = ROWS_AT_ONCE) -> Iterator[Sequence[Any]]:
    """Yield the rows in slices of at most ``size``."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
