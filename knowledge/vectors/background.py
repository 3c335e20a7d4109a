"""Decides how unusual a similarity is: the cosine of a query with a sample of all vectors is its measure.

The z-score makes similarities of different models comparable with each other and with overlap of characters.
"""

import threading
from time import monotonic

import numpy as np
from django.db import connection
from numpy.typing import NDArray

_SAMPLE = 400
_LEAST = 20
_SECONDS = 600
_TYPICAL_SPREAD = 0.1


def standardise(
    vector: NDArray[np.floating], similarities: dict[int, float], *, model: str
) -> dict[int, float]:
    """Return the similarities as standard deviations above those of the vector with chance passages."""
    sample = _sample(model, len(vector))
    mean, spread = 0.0, _TYPICAL_SPREAD
    if len(sample) >= _LEAST:
        cosines = sample @ np.asarray(vector, np.float32)
        mean, spread = float(cosines.mean()), max(float(cosines.std()), 1e-6)
    return {key: (similarity - mean) / spread for key, similarity in similarities.items()}


def _sample(model: str, dimensions: int) -> NDArray[np.float32]:
    """Return some hundred vectors of the model, in rows of length 1; they are kept for ten minutes."""
    with _lock:
        taken_at, sample = _samples.get((model, dimensions), (float("-inf"), None))
    if sample is None or monotonic() - taken_at > _SECONDS:
        sample = _read_sample(model, dimensions)
        with _lock:
            _samples[model, dimensions] = (monotonic(), sample)
    return sample


def _read_sample(model: str, dimensions: int) -> NDArray[np.float32]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT greatest(reltuples, 0) FROM pg_class WHERE oid = 'knowledge_embedding'::regclass"
        )
        rows = cursor.fetchone()[0]
        # Whole pages are sampled, of which each holds a handful of vectors; a small table is read as it is.
        percent = min(100.0, 100.0 * 10 * _SAMPLE / rows) if rows > 10 * _SAMPLE else 100.0
        cursor.execute(_READ, {"percent": percent, "model": model, "dims": dimensions, "limit": _SAMPLE})
        vectors = [np.fromstring(row[0][1:-1], np.float32, sep=",") for row in cursor.fetchall()]
    sample = np.array(vectors, np.float32).reshape(-1, dimensions)
    normalised: NDArray[np.float32] = sample / np.maximum(np.linalg.norm(sample, axis=1, keepdims=True), 1e-9)
    return normalised


_READ = """
    SELECT vector::text
    FROM (
        SELECT passage_id, vector FROM knowledge_embedding TABLESAMPLE SYSTEM (%(percent)s) REPEATABLE (1)
        WHERE model = %(model)s AND vector_dims(vector) = %(dims)s
    ) AS sampled
    ORDER BY hashint8(passage_id)
    LIMIT %(limit)s
"""
_lock = threading.Lock()
_samples: dict[tuple[str, int], tuple[float, NDArray[np.float32]]] = {}
