"""Decides how the best passages are put in order by a cross-encoder on a server, where one is configured.

The protocol is that of Jina (https://api.jina.ai/v1/rerank) and Cohere (https://api.cohere.com/v2/rerank), which
vLLM, TEI's gateways and others follow: ``POST {base}/rerank {model, query, documents, top_n}`` →
``{"results": [{"index", "relevance_score"}, …]}``.
"""

import logging
import math
import os
import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Protocol

import httpx2
from django.conf import settings

from knowledge.breaker import CircuitBreaker
from knowledge.errors import RerankerFailed, RerankerRefused, RerankerUnavailable

logger = logging.getLogger(__name__)

_PASSING_STATUSES = frozenset({408, 409, 429})


class Reranker(Protocol):
    """What says how well each of some texts answers a query, having read both together."""

    name: str

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """Return a score for each text, in their order; comparable within one call only."""
        ...


def rerank(query: str, texts: Sequence[str]) -> list[float] | None:
    """Return how well each text answers the query, in the order of the texts; the more the better.

    None where no reranker is configured, and where it gives no scores, which is logged: the order stays as it is.
    """
    reranker = get_reranker()
    if reranker is None or not texts:
        return None
    try:
        return reranker.score(query, texts)
    except RerankerUnavailable as unavailable:
        logger.warning("Not reranked: %s", unavailable.message, exc_info=True)
        return None


def get_reranker() -> Reranker | None:
    """Return the reranker that the settings choose, or None; there is one in each process, and threads share it."""
    if not settings.RERANKER_BASE_URL:
        return None
    with _lock:
        return _remote_reranker(
            settings.RERANKER_BASE_URL,
            settings.RERANKER_API_KEY,
            settings.RERANKER_MODEL,
            settings.RERANKER_TIMEOUT_SECONDS,
        )


class RemoteReranker:
    """A cross-encoder behind ``/rerank``; a reader waits, so nothing is tried twice."""

    def __init__(self, *, base_url: str, api_key: str, model: str, timeout_seconds: float) -> None:
        self.name = model
        self._url = f"{base_url.rstrip('/')}/rerank"
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._client = httpx2.Client(headers=headers, timeout=timeout_seconds)
        self._breaker = CircuitBreaker(RerankerFailed)

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """Raise ``RerankerUnavailable`` when there are no scores: at once while the server is left alone."""
        request = {"model": self.name, "query": query, "documents": list(texts), "top_n": len(texts)}
        with self._breaker.guard():
            return _read_scores(self._post(request), len(texts))

    def _post(self, request: dict[str, Any]) -> Any:
        try:
            response = self._client.post(self._url, json=request)
            response.raise_for_status()
            return response.json()
        except httpx2.HTTPStatusError as error:
            status = error.response.status_code
            passing = status >= 500 or status in _PASSING_STATUSES
            raise (RerankerFailed if passing else RerankerRefused) from error
        except (httpx2.HTTPError, ValueError) as error:
            raise RerankerFailed from error


def _read_scores(answer: Any, count: int) -> list[float]:
    """Read the scores by their index: each text has exactly one, and it is a finite number."""
    try:
        scores = {int(each["index"]): float(each["relevance_score"]) for each in answer["results"]}
    except (KeyError, TypeError, ValueError) as error:
        raise RerankerFailed from error
    if scores.keys() != set(range(count)) or not all(map(math.isfinite, scores.values())):
        raise RerankerFailed
    return [scores[index] for index in range(count)]


@lru_cache(maxsize=1)
def _remote_reranker(base_url: str, api_key: str, model: str, timeout_seconds: float) -> RemoteReranker:
    return RemoteReranker(base_url=base_url, api_key=api_key, model=model, timeout_seconds=timeout_seconds)


_lock = threading.Lock()


def _forget_reranker() -> None:
    """Leave a forked child without its parent's connections."""
    global _lock
    _lock = threading.Lock()
    _remote_reranker.cache_clear()


os.register_at_fork(after_in_child=_forget_reranker)
