"""Decides which model turns texts into vectors: the bundled one, or any OpenAI-compatible server.

The one that is configured is to serve the search; while its vectors are being made another may still do so,
see ``serving``.
"""

import os
import threading
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from numpy.typing import NDArray

from knowledge.embeddings.bundled import BUNDLED_MODEL, BundledEmbedder
from knowledge.embeddings.remote import Endpoint, RemoteEmbedder
from knowledge.errors import EmbeddingModelNotConfigured
from knowledge.folding import fold_characters

__all__ = [
    "BUNDLED_MODEL",
    "BundledEmbedder",
    "Embedder",
    "Endpoint",
    "RemoteEmbedder",
    "current_model",
    "embedder_named",
    "get_embedder",
    "passage_input",
]


class Embedder(Protocol):
    """What turns texts into vectors to be compared by their dot product; ``name`` is stored beside each."""

    name: str
    dimensions: int

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed what ``passage_input`` made of passages: (n, dimensions), L2-normalised, in their order."""
        ...

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Embed what a reader asks: (dimensions,), L2-normalised."""
        ...


def passage_input(*, work: str, section: str, text: str) -> str:
    """Return what is embedded for a passage: work and section before the text, all of it folded."""
    return fold_characters(" ".join(part for part in (work, section, text) if part))


def get_embedder() -> Embedder:
    """Return the embedder that the settings choose; there is one in each process, and threads share it."""
    if not settings.EMBEDDING_BASE_URL:
        return _bundled()
    return _remote(
        settings.EMBEDDING_BASE_URL,
        settings.EMBEDDING_API_KEY,
        current_model(),
        settings.EMBEDDING_DIMENSIONS,
    )


def current_model() -> str:
    """Return the name of the model that the settings choose, without loading it."""
    if not settings.EMBEDDING_BASE_URL:
        return BUNDLED_MODEL
    if not settings.EMBEDDING_MODEL:
        raise ImproperlyConfigured(
            "EMBEDDING_BASE_URL is set, so EMBEDDING_MODEL must name a model of that server."
        )
    return str(settings.EMBEDDING_MODEL)


def embedder_named(model: str) -> Embedder:
    """Return the embedder of a model: the chosen one, the bundled one, or the one chosen before.

    Raises ``EmbeddingModelNotConfigured`` when the settings say nothing about it any more.
    """
    if model == current_model():
        return get_embedder()
    if model == BUNDLED_MODEL:
        return _bundled()
    if settings.EMBEDDING_PREVIOUS_BASE_URL and model == settings.EMBEDDING_PREVIOUS_MODEL:
        return _remote(
            settings.EMBEDDING_PREVIOUS_BASE_URL,
            settings.EMBEDDING_PREVIOUS_API_KEY,
            model,
            settings.EMBEDDING_PREVIOUS_DIMENSIONS,
        )
    raise EmbeddingModelNotConfigured(
        f"检索所用的向量模型 {model} 已不在设置里；请在 EMBEDDING_PREVIOUS_* 中保留它，直到新模型的向量补全。"
    )


def _bundled() -> BundledEmbedder:
    with _lock:
        return _bundled_embedder(settings.VAR_DIR / "models", settings.EMBEDDING_THREADS)


def _remote(base_url: str, api_key: str, model: str, dimensions: int) -> RemoteEmbedder:
    endpoint = Endpoint(
        base_url,
        api_key,
        model,
        dimensions,
        batch_size=settings.EMBEDDING_BATCH_SIZE,
        parallel_requests=settings.EMBEDDING_PARALLEL_REQUESTS,
        requests_per_minute=settings.EMBEDDING_REQUESTS_PER_MINUTE,
        tokens_per_minute=settings.EMBEDDING_TOKENS_PER_MINUTE,
    )
    with _lock:
        return _remote_embedder(endpoint)


@lru_cache(maxsize=1)
def _bundled_embedder(cache_dir: Path, threads: int) -> BundledEmbedder:
    return BundledEmbedder(cache_dir=cache_dir, threads=threads)


# Two: the one that serves, and the one that is to take its place.
@lru_cache(maxsize=2)
def _remote_embedder(endpoint: Endpoint) -> RemoteEmbedder:
    return RemoteEmbedder(endpoint)


_lock = threading.Lock()


def _forget_embedders() -> None:
    """Leave a forked child without its parent's embedders: their threads and connections stayed behind."""
    global _lock
    _lock = threading.Lock()
    _bundled_embedder.cache_clear()
    _remote_embedder.cache_clear()


os.register_at_fork(after_in_child=_forget_embedders)
