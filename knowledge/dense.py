"""Decides what a query finds by its meaning: cosine similarity of vectors, scanned exactly in PostgreSQL.

An exact scan is the better index under some 50 000 passages: it misses nothing and takes milliseconds.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import connection
from numpy.typing import NDArray
from pgvector import HalfVector


def find_nearest(
    vector: NDArray[np.floating], *, model: str, work_ids: Sequence[int] | None, limit: int
) -> dict[int, float]:
    """Return the nearest passages with their cosine similarity, best first."""
    scope = "AND passage_id IN (SELECT id FROM knowledge_passage WHERE work_id = ANY(%(works)s))"
    parameters: dict[str, Any] = {
        "vector": HalfVector(vector).to_text(),
        "model": model,
        "works": list(work_ids or ()),
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(NEAREST.format(scope=scope if work_ids is not None else ""), parameters)
        return dict(cursor.fetchall())


NEAREST = """
    SELECT passage_id, 1 - (vector <=> %(vector)s::halfvec) AS similarity
    FROM knowledge_embedding
    WHERE model = %(model)s {scope}
    ORDER BY vector <=> %(vector)s::halfvec
    LIMIT %(limit)s
"""


def measure_similarity(
    vector: NDArray[np.floating], *, model: str, passage_ids: Sequence[int]
) -> dict[int, float]:
    """Return the cosine similarity of the given passages, of those that have a vector."""
    parameters: dict[str, Any] = {
        "vector": HalfVector(vector).to_text(),
        "model": model,
        "ids": list(passage_ids),
    }
    with connection.cursor() as cursor:
        cursor.execute(SIMILARITY, parameters)
        return dict(cursor.fetchall())


SIMILARITY = """
    SELECT passage_id, 1 - (vector <=> %(vector)s::halfvec)
    FROM knowledge_embedding
    WHERE model = %(model)s AND passage_id = ANY(%(ids)s)
"""
