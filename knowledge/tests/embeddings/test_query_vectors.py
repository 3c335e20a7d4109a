"""A query that many ask is embedded once, by the model that serves."""

import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from guoxue.tests.racing import run_together
from knowledge.embeddings.query_vectors import query_vector
from knowledge.errors import EmbeddingUnavailable
from knowledge.retrieval.search import run_search
from knowledge.tests.corpus import LUNYU, FakeEmbedder, load, use_embedder
from knowledge.vectors import filling

QUERY = "温故而知新"


class CountingEmbedder(FakeEmbedder):
    """Counts what it is asked, and takes its time."""

    def __init__(self, name: str = "fake-model", *, seconds: float = 0.0) -> None:
        super().__init__()
        self.name = name
        self.seconds = seconds
        self.asked: list[str] = []

    def embed_query(self, text: str) -> np.ndarray:
        self.asked.append(text)
        time.sleep(self.seconds)
        return super().embed_query(text) * (1 if self.name == "fake-model" else -1)


def test_the_same_query_is_embedded_once() -> None:
    embedder = CountingEmbedder()

    vectors = [query_vector(embedder, QUERY) for _ in range(3)]

    assert embedder.asked == [QUERY]
    assert vectors[2].dtype == np.float32
    assert all(np.array_equal(vector, FakeEmbedder().embed_query(QUERY)) for vector in vectors)


def test_another_query_and_another_model_have_vectors_of_their_own() -> None:
    before, after = CountingEmbedder(), CountingEmbedder("other-model")
    query_vector(before, QUERY)

    switched = query_vector(after, QUERY)
    query_vector(before, "学而时习之")

    assert (before.asked, after.asked) == ([QUERY, "学而时习之"], [QUERY])
    assert np.array_equal(switched, -FakeEmbedder().embed_query(QUERY))


def test_a_model_that_is_set_to_another_size_is_asked_again() -> None:
    embedder = CountingEmbedder()
    query_vector(embedder, QUERY)

    embedder.dimensions //= 2
    query_vector(embedder, QUERY)

    assert embedder.asked == [QUERY, QUERY]


def test_twenty_who_ask_at_once_have_it_embedded_once() -> None:
    embedder = CountingEmbedder(seconds=0.2)

    vectors = run_together([partial(query_vector, embedder, QUERY)] * 20)

    assert embedder.asked == [QUERY]
    assert len({vector.tobytes() for vector in vectors}) == 1


def test_a_failure_is_not_kept() -> None:
    class Broken(CountingEmbedder):
        def embed_query(self, text: str) -> np.ndarray:
            self.asked.append(text)
            raise EmbeddingUnavailable

    embedder = Broken()
    for _ in range(2):
        with pytest.raises(EmbeddingUnavailable):
            query_vector(embedder, QUERY)

    assert embedder.asked == [QUERY, QUERY]


def test_without_redis_every_query_is_embedded(settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    embedder = CountingEmbedder()

    vectors = [query_vector(embedder, QUERY) for _ in range(2)]

    assert len(embedder.asked) == 2
    assert np.array_equal(*vectors)


@pytest.mark.django_db
def test_a_search_takes_the_vector_that_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = CountingEmbedder()
    use_embedder(monkeypatch, embedder)
    load(tmp_path, LUNYU)
    filling.embed_missing()

    results = [run_search(QUERY) for _ in range(2)]

    assert len(embedder.asked) == 1
    assert results[0].dense_available and results[0].hits == results[1].hits
