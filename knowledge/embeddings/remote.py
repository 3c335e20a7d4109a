"""Decides how a server that speaks the OpenAI embeddings protocol is asked, and how much it is asked at once."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import openai
from numpy.typing import NDArray

from knowledge.breaker import CircuitBreaker
from knowledge.embeddings.pacing import Pacer
from knowledge.errors import EmbeddingDimensionsMismatch, EmbeddingServiceFailed, EmbeddingServiceRefused
from knowledge.folding import fold_characters

# A reader waits for a query and can do without its vector; nobody waits for passages.
QUERY_TIMEOUT_SECONDS, QUERY_RETRIES = 3, 0
PASSAGES_TIMEOUT_SECONDS, PASSAGES_RETRIES = 60, 4

_PASSING_STATUSES = frozenset({408, 409, 429})
_Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class Endpoint:
    """A model on a server, and how fast the server lets itself be asked (0: as fast as it answers)."""

    base_url: str
    api_key: str
    model: str
    dimensions: int
    batch_size: int = 10
    parallel_requests: int = 4
    requests_per_minute: int = 0
    tokens_per_minute: int = 0


class RemoteEmbedder:
    """A model behind the OpenAI embeddings protocol; the SDK repeats what may pass, when the server says so."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.name = endpoint.model
        self.dimensions = endpoint.dimensions
        self._endpoint = endpoint
        # A server without keys wants none, but the SDK insists on one.
        client = openai.OpenAI(base_url=endpoint.base_url, api_key=endpoint.api_key or "none")
        self._for_query = client.with_options(timeout=QUERY_TIMEOUT_SECONDS, max_retries=QUERY_RETRIES)
        self._for_passages = client.with_options(
            timeout=PASSAGES_TIMEOUT_SECONDS, max_retries=PASSAGES_RETRIES
        )
        self._breaker = CircuitBreaker(EmbeddingServiceFailed)
        self._pacer = Pacer(requests=endpoint.requests_per_minute, tokens=endpoint.tokens_per_minute)

    def embed_passages(self, texts: Sequence[str]) -> _Vectors:
        """Embed in batches, some at the same time; the first failure ends it once those under way are back."""
        size = self._endpoint.batch_size
        batches = [list(texts[start : start + size]) for start in range(0, len(texts), size)]
        if len(batches) < 2:
            return np.concatenate(
                [np.empty((0, self.dimensions), np.float32), *map(self._embed_paced, batches)]
            )
        with ThreadPoolExecutor(self._endpoint.parallel_requests) as threads:
            waiting = [threads.submit(self._embed_paced, batch) for batch in batches]
            try:
                return np.concatenate([each.result() for each in waiting])
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                raise

    def embed_query(self, text: str) -> _Vectors:
        with self._breaker.guard():
            vector: _Vectors = self._embed([fold_characters(text)], self._for_query)[0]
        return vector

    def _embed_paced(self, texts: list[str]) -> _Vectors:
        # A character of classical Chinese is about one token.
        self._pacer.wait(tokens=sum(map(len, texts)))
        return self._embed(texts, self._for_passages)

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
