"""Decides which work on the corpus one process does at a time: PostgreSQL's advisory locks."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum, unique

from django.db import connection


@unique
class Lock(IntEnum):
    """What is done by one process at a time; the numbers are this application's own in its database."""

    CORPUS = 7_141_951  # writing the corpus: passages get their ids in order
    INDEXING = 7_141_952  # looking after the posting lists
    EMBEDDING = 7_141_953  # filling in vectors
    VECTOR_INDEX = 7_141_954  # building the graph of a model's vectors
    SERVING_MODEL = 7_141_955  # choosing the model whose vectors are searched


def wait_for(lock: Lock) -> None:
    """Wait for the lock and hold it until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock])


@contextmanager
def sole(lock: Lock) -> Iterator[bool]:
    """Tell whether this process holds the lock now; it ends with the block or with the connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [lock])
        claimed = bool(cursor.fetchone()[0])
    try:
        yield claimed
    finally:
        if claimed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [lock])
