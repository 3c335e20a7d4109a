"""Decides when a query is embedded, and when its vector is known already."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from guoxue.caching import SharedCache
from knowledge.embeddings import Embedder

_shared: SharedCache[bytes] = SharedCache("query-vectors", seconds=6 * 3600)


def query_vector(embedder: Embedder, text: str) -> NDArray[np.float32]:
    """Embed a query, once for all who ask the same within some hours; the text itself is not kept, only its hash.

    A model that is switched to has vectors of its own. Raises EmbeddingUnavailable.
    """
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    key = f"{embedder.name}:{embedder.dimensions}:{digest}"

    def compute() -> bytes:
        return np.asarray(embedder.embed_query(text), np.float32).tobytes()

    return np.frombuffer(_shared.get(key, compute), np.float32)
