"""Decides what a query finds by its meaning: cosine similarity of vectors, in PostgreSQL.

Few vectors are scanned exactly, which misses nothing; many are reached by the HNSW graph of their model.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
from django.db import connection
from numpy.typing import NDArray

# At pgvector's default of 40 a quarter of the nearest is missed; at this, with the graph as it is built, 4 in 100.
EF_SEARCH = 280
# What pgvector takes.
_MOST_EF_SEARCH = 1000
# So many vectors of a scope are scanned faster than the graph is walked past all that stand outside it.
SCANNED_SCOPE = 20_000


def find_nearest(
    vector: NDArray[np.floating], *, model: str, work_ids: Sequence[int] | None, limit: int
) -> dict[int, float]:
    """Return the nearest passages with their cosine similarity, best first.

    As many as ``limit``, unless the works (None: the corpus) have fewer vectors of the model.
    """
    scope = "" if work_ids is None else _SCOPE
    parameters = {
        "vector": _as_text(vector),
        "model": model,
        "works": list(work_ids or ()),
        "limit": limit,
        "dimensions": len(vector),
        "ef_search": min(max(EF_SEARCH, limit), _MOST_EF_SEARCH),
    }
    if work_ids is not None and _count_passages(work_ids) <= SCANNED_SCOPE:
        return _ask(SCANNED.format(scope=scope), parameters)
    # Walking on beyond the first candidates costs a tenth more, and only a scope can need it.
    scan = "off" if work_ids is None else "relaxed_order"
    found = _ask(WALKED.format(scope=scope, scan=scan), parameters, result=2)
    if len(found) < limit:
        # The walk gave up before it had met enough of the scope, or met vectors just removed.
        return _ask(SCANNED.format(scope=scope), parameters)
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def _count_passages(work_ids: Sequence[int]) -> int:
    """Return how many passages the works have: as many as they have vectors, once those are made."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(passage_count), 0) FROM knowledge_work WHERE id = ANY(%s)", [list(work_ids)]
        )
        return int(cursor.fetchone()[0])


def _ask(statements: str, parameters: dict[str, Any], *, result: int = 0) -> dict[int, float]:
    """Send the statements as one message, which is one transaction, and return the result of that number."""
    with connection.cursor() as cursor:
        cursor.execute(statements, parameters)
        for _ in range(result):
            cursor.nextset()
        return dict(cursor.fetchall())


def _as_text(vector: NDArray[np.floating]) -> str:
    numbers = np.ascontiguousarray(vector, np.float32)
    return orjson.dumps(numbers, option=orjson.OPT_SERIALIZE_NUMPY).decode()


_SCOPE = "AND work_id = ANY(%(works)s)"

# The settings end with the message, so that nothing stays behind on a connection that others use next.
WALKED = """
    SET LOCAL hnsw.ef_search = %(ef_search)s;
    SET LOCAL hnsw.iterative_scan = {scan};
    SELECT passage_id, 1 - distance FROM (
        SELECT passage_id, (vector::halfvec(%(dimensions)s)) <=> %(vector)s::halfvec(%(dimensions)s) AS distance
        FROM knowledge_embedding
        WHERE model = %(model)s {scope}
        ORDER BY distance
        LIMIT %(limit)s
    ) AS nearest
"""
# Without the cast that the graph is built over, no graph is taken.
SCANNED = """
    SELECT passage_id, 1 - distance FROM (
        SELECT passage_id, vector <=> %(vector)s::halfvec AS distance
        FROM knowledge_embedding
        WHERE model = %(model)s {scope}
        ORDER BY distance
        LIMIT %(limit)s
    ) AS nearest
    ORDER BY distance
"""


def measure_similarity(
    vector: NDArray[np.floating], *, model: str, passage_ids: Sequence[int]
) -> dict[int, float]:
    """Return the cosine similarity of the given passages, of those that have a vector."""
    if not passage_ids:
        return {}
    parameters = {"vector": _as_text(vector), "model": model, "ids": list(passage_ids)}
    return _ask(SIMILARITY, parameters)


SIMILARITY = """
    SELECT passage_id, 1 - (vector <=> %(vector)s::halfvec)
    FROM knowledge_embedding
    WHERE model = %(model)s AND passage_id = ANY(%(ids)s)
"""
