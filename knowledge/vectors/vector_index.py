"""Decides when a model's vectors get an HNSW index, and how it is built without holding anybody up."""

import hashlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from django.db import OperationalError, connection
from psycopg import sql

from knowledge.locks import Lock, sole

logger = logging.getLogger(__name__)

# Fewer vectors than that are scanned exactly in some five milliseconds, which misses nothing.
INDEXED_FROM = 5_000
# What HNSW takes of halfvec.
MAX_DIMENSIONS = 4_000
# A quarter faster to build than pgvector's defaults (16, 64); asked a little more widely it finds as much at the
# same cost: at a recall@20 of .957 both read some 4 000 pages for a query among 20 000 vectors.
_LINKS, _EF_CONSTRUCTION = 14, 56
_MOST_MEGABYTES = 1024
_BYTES_FOR_LINKS = 600


def index_name(model: str, dimensions: int) -> str:
    """Return the name of the index over the model's vectors."""
    return f"embedding_hnsw_{dimensions}_{hashlib.sha256(model.encode()).hexdigest()[:12]}"


def has_index(model: str, *, dimensions: int) -> bool:
    """Tell whether the model's index is there and whole."""
    return _state(index_name(model, dimensions)) is True


def build_index(model: str, *, dimensions: int, vectors: int) -> bool:
    """Build the model's index unless it is there; return whether it is there now.

    ``vectors`` is about how many there are. Writers and readers go on meanwhile, so this cannot run in a
    transaction. What a killed build left is cleared away first. While another process builds, and for vectors
    too long for HNSW, the answer is False: they are scanned exactly.
    """
    if dimensions > MAX_DIMENSIONS:
        logger.warning("%s has %d dimensions, more than HNSW takes.", model, dimensions)
        return False
    name = index_name(model, dimensions)
    # To another process the unfinished index would look like a leftover.
    with sole(Lock.VECTOR_INDEX) as alone:
        if not alone:
            return False
        state = _state(name)
        if state is False:
            _run(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))
        if state is not True:
            _build(name, model, dimensions, vectors)
        return True


def drop_index(model: str, *, dimensions: int) -> None:
    """Remove the model's index, if it has one; not in a transaction."""
    name = sql.Identifier(index_name(model, dimensions))
    _run(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(name))


def _build(name: str, model: str, dimensions: int, vectors: int) -> None:
    command = sql.SQL(
        "CREATE INDEX CONCURRENTLY {} ON knowledge_embedding"
        " USING hnsw ((vector::halfvec({})) halfvec_cosine_ops)"
        " WITH (m = {}, ef_construction = {}) WHERE model = {}"
    ).format(
        sql.Identifier(name),
        sql.Literal(dimensions),
        sql.Literal(_LINKS),
        sql.Literal(_EF_CONSTRUCTION),
        sql.Literal(model),
    )
    with _room_for(vectors * (2 * dimensions + _BYTES_FOR_LINKS)):
        try:
            _run(command)
        except OperationalError as error:
            # Containers give parallel workers 64 MB of shared memory unless told otherwise.
            if not isinstance(error.__cause__, psycopg.errors.DiskFull):
                raise
            logger.warning("No shared memory for a parallel build of %s; building it alone.", name)
            _run(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))
            _run(sql.SQL("SET max_parallel_maintenance_workers = 0"))
            _run(command)


@contextmanager
def _room_for(size_bytes: int) -> Iterator[None]:
    """Let the session keep a graph of this size in memory while it is built; a build that spills is slow."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setting::int / 1024 FROM pg_settings WHERE name = 'maintenance_work_mem'")
        usual = int(cursor.fetchone()[0])
    megabytes = max(usual, min(size_bytes * 5 // 4 // 2**20, _MOST_MEGABYTES))
    _run(sql.SQL("SET maintenance_work_mem = {}").format(sql.Literal(f"{megabytes}MB")))
    try:
        yield
    finally:
        _run(sql.SQL("RESET maintenance_work_mem"))
        _run(sql.SQL("RESET max_parallel_maintenance_workers"))


def _state(name: str) -> bool | None:
    """Tell whether the index is whole, or None if there is none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name])
        row = cursor.fetchone()
        return None if row is None else bool(row[0])


def _run(command: sql.Composable) -> None:
    with connection.cursor() as cursor:
        cursor.execute(command)
