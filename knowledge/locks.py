"""Decides which work on the corpus one process does at a time: PostgreSQL's advisory locks."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

_CORPUS_LOCK = 7_141_951
_INDEXING_LOCK = 7_141_953


def lock_corpus() -> None:
    """Let one transaction at a time write the corpus: passages get their ids in order. Released at its end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CORPUS_LOCK])


@contextmanager
def sole_indexing() -> Iterator[bool]:
    """Tell whether this process alone looks after the index now; the claim ends with the block or the connection.

    Indexing twice at once would do no harm; but a run that loads much indexes it in large pieces, and should
    not be forestalled with small ones.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_INDEXING_LOCK])
        claimed = bool(cursor.fetchone()[0])
    try:
        yield claimed
    finally:
        if claimed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_INDEXING_LOCK])
