"""Decides which model turns texts into vectors: the bundled one, or any OpenAI-compatible server."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import Protocol

import numpy as np
import openai
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from numpy.typing import NDArray

from knowledge.bundled_model import DIMENSIONS, BundledModel
from knowledge.errors import (
    EmbeddingDimensionsMismatch,
    EmbeddingServiceFailed,
    EmbeddingServiceRefused,
    EmbeddingUnavailable,
)
from knowledge.folding import fold_characters

BUNDLED_MODEL = "multilingual-e5-small-int8"
# Alibaba Cloud takes no more texts at once; the other vendors take more.
REMOTE_BATCH_SIZE = 10
# A reader waits for a query and can do without its vector; nobody waits for passages.
QUERY_TIMEOUT_SECONDS, QUERY_RETRIES = 3, 0
PASSAGES_TIMEOUT_SECONDS, PASSAGES_RETRIES = 60, 4
# A server that hangs would else hold a thread of every search until the timeout.
QUERY_FAILURES_BEFORE_PAUSE, QUERY_PAUSE_SECONDS = 3, 30

_PASSING_STATUSES = frozenset({408, 409, 429})
_Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """What turns texts into vectors to be compared by their dot product; ``name`` is stored beside each."""

    name: str
    dimensions: int

    def embed_passages(self, texts: Sequence[str]) -> _Vectors:
        """Embed what ``passage_input`` made of passages: (n, dimensions), L2-normalised, in their order."""
        ...

    def embed_query(self, text: str) -> _Vectors:
        """Embed what a reader asks: (dimensions,), L2-normalised."""
        ...


def passage_input(*, work: str, section: str, text: str) -> str:
    """Return what is embedded for a passage: work and section before the text, all of it folded."""
    return fold_characters(" ".join(part for part in (work, section, text) if part))


def get_embedder() -> Embedder:
    """Return the embedder that the settings choose; there is one in each process, and threads share it."""
    with _lock:
        if not settings.EMBEDDING_BASE_URL:
            return _bundled_embedder(settings.VAR_DIR / "models", settings.EMBEDDING_THREADS)
        return _remote_embedder(
            settings.EMBEDDING_BASE_URL,
            settings.EMBEDDING_API_KEY,
            current_model(),
            settings.EMBEDDING_DIMENSIONS,
        )


def current_model() -> str:
    """Return the name under which vectors are stored and sought now, without loading the model."""
    if not settings.EMBEDDING_BASE_URL:
        return BUNDLED_MODEL
    if not settings.EMBEDDING_MODEL:
        raise ImproperlyConfigured(
            "EMBEDDING_BASE_URL is set, so EMBEDDING_MODEL must name a model of that server."
        )
    return str(settings.EMBEDDING_MODEL)


class BundledEmbedder:
    """The model that comes with the program; it is loaded by the first text (about a second)."""

    def __init__(self, *, cache_dir: Path, threads: int) -> None:
        self.name = BUNDLED_MODEL
        self.dimensions = DIMENSIONS
        self._cache_dir = cache_dir
        self._threads = threads
        self._lock = threading.Lock()
        self._model: BundledModel | None = None

    def embed_passages(self, texts: Sequence[str]) -> _Vectors:
        return self._loaded().embed([f"passage: {text}" for text in texts])

    def embed_query(self, text: str) -> _Vectors:
        vector: _Vectors = self._loaded().embed([f"query: {fold_characters(text)}"])[0]
        return vector

    def _loaded(self) -> BundledModel:
        with self._lock:
            if self._model is None:
                self._model = BundledModel.open(self._cache_dir, threads=self._threads)
            return self._model


class RemoteEmbedder:
    """A model behind the OpenAI embeddings protocol; the SDK repeats what may pass with time."""

    def __init__(self, *, base_url: str, api_key: str, model: str, dimensions: int) -> None:
        self.name = model
        self.dimensions = dimensions
        # A server without keys wants none, but the SDK insists on one.
        client = openai.OpenAI(base_url=base_url, api_key=api_key or "none")
        self._for_query = client.with_options(timeout=QUERY_TIMEOUT_SECONDS, max_retries=QUERY_RETRIES)
        self._for_passages = client.with_options(
            timeout=PASSAGES_TIMEOUT_SECONDS, max_retries=PASSAGES_RETRIES
        )
        self._breaker = _CircuitBreaker()

    def embed_passages(self, texts: Sequence[str]) -> _Vectors:
        vectors = np.empty((len(texts), self.dimensions), np.float32)
        for start in range(0, len(texts), REMOTE_BATCH_SIZE):
            batch = list(texts[start : start + REMOTE_BATCH_SIZE])
            vectors[start : start + len(batch)] = self._embed(batch, self._for_passages)
        return vectors

    def embed_query(self, text: str) -> _Vectors:
        with self._breaker.guard():
            vector: _Vectors = self._embed([fold_characters(text)], self._for_query)[0]
        return vector

    def _embed(self, texts: list[str], client: openai.OpenAI) -> _Vectors:
        vectors = self._request(texts, client)
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise EmbeddingServiceFailed
        if vectors.shape[1] != self.dimensions:
            raise EmbeddingDimensionsMismatch(
                f"向量服务返回 {vectors.shape[1]} 维，EMBEDDING_DIMENSIONS={self.dimensions}，请管理员核对。"
            )
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise EmbeddingServiceFailed
        normalised: _Vectors = vectors / lengths
        return normalised

    def _request(self, texts: list[str], client: openai.OpenAI) -> _Vectors:
        try:
            response = client.embeddings.create(model=self.name, input=texts, encoding_format="float")
            ordered = sorted(response.data, key=lambda item: item.index)
            return np.array([item.embedding for item in ordered], np.float32)
        except openai.APIStatusError as error:
            passing = error.status_code >= 500 or error.status_code in _PASSING_STATUSES
            raise (EmbeddingServiceFailed if passing else EmbeddingServiceRefused) from error
        except (openai.OpenAIError, AttributeError, TypeError, ValueError) as error:
            # The SDK hands on an answer of another shape unchecked.
            raise EmbeddingServiceFailed from error


class _CircuitBreaker:
    """Keeps queries from a server that failed some times in a row; after each pause it lets one through."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._failures = 0
        self._paused_until = 0.0

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Watch one attempt, or raise ``EmbeddingServiceFailed`` at once while the pause lasts."""
        self._admit()
        try:
            yield
        except EmbeddingServiceFailed:
            with self._lock:
                self._failures += 1
                self._paused_until = monotonic() + QUERY_PAUSE_SECONDS
            raise
        except EmbeddingUnavailable:
            # The server answers, if only to refuse: that holds nobody up.
            self._recover()
            raise
        self._recover()

    def _admit(self) -> None:
        with self._lock:
            if self._failures < QUERY_FAILURES_BEFORE_PAUSE:
                return
            if monotonic() < self._paused_until:
                raise EmbeddingServiceFailed
            # The others go on pausing while this one tries.
            self._paused_until = monotonic() + QUERY_PAUSE_SECONDS

    def _recover(self) -> None:
        with self._lock:
            self._failures = 0


@lru_cache(maxsize=1)
def _bundled_embedder(cache_dir: Path, threads: int) -> BundledEmbedder:
    return BundledEmbedder(cache_dir=cache_dir, threads=threads)


@lru_cache(maxsize=1)
def _remote_embedder(base_url: str, api_key: str, model: str, dimensions: int) -> RemoteEmbedder:
    return RemoteEmbedder(base_url=base_url, api_key=api_key, model=model, dimensions=dimensions)


_lock = threading.Lock()


def _forget_embedders() -> None:
    """Leave a forked child without its parent's embedders: their threads and connections stayed behind."""
    global _lock
    _lock = threading.Lock()
    _bundled_embedder.cache_clear()
    _remote_embedder.cache_clear()


os.register_at_fork(after_in_child=_forget_embedders)
