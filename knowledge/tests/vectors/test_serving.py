"""The search goes over to another model when that has all its vectors, and not before."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from django.db import connection

from knowledge import embeddings
from knowledge.errors import (
    EmbeddingDimensionsMismatch,
    EmbeddingModelIncomplete,
    EmbeddingModelInUse,
    EmbeddingModelNotConfigured,
    EmbeddingUnavailable,
)
from knowledge.folding import fold_characters
from knowledge.models import Embedding, EmbeddingModel, Passage
from knowledge.outlining.chunking import lead_of
from knowledge.retrieval import search
from knowledge.retrieval.search import run_search
from knowledge.tests.corpus import DAODEJING, LUNYU, FakeEmbedder, load
from knowledge.vectors import filling, storing, vector_index
from knowledge.vectors.serving import models_in_use, serving_embedder, serving_model


class House:
    """Two models, of which the settings choose one; both can be asked until one is taken away."""

    def __init__(self) -> None:
        self.old, self.new = self.model("old-model", 64), self.model("new-model", 32)
        self.known = {"old-model": self.old, "new-model": self.new}
        self.chosen = self.old

    def model(self, name: str, dimensions: int) -> FakeEmbedder:
        embedder = FakeEmbedder()
        embedder.name, embedder.dimensions = name, dimensions
        return embedder

    def named(self, name: str) -> FakeEmbedder:
        if name not in self.known:
            raise EmbeddingModelNotConfigured
        return self.known[name]


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    house = House()
    monkeypatch.setattr(embeddings, "get_embedder", lambda: house.chosen)
    monkeypatch.setattr(embeddings, "current_model", lambda: house.chosen.name)
    monkeypatch.setattr(embeddings, "embedder_named", house.named)
    return house


def fill_old_model_and_choose_the_new_one(house: House, folder: Path) -> None:
    load(folder, LUNYU, DAODEJING)
    filling.embed_missing()
    house.chosen = house.new


@pytest.mark.django_db
def test_before_there_are_vectors_the_chosen_model_serves(house: House) -> None:
    house.chosen = house.new

    assert serving_model() == "new-model"
    assert models_in_use() == ["new-model"]


@pytest.mark.django_db
def test_the_first_model_serves_from_its_first_vector(house: House, tmp_path: Path) -> None:
    load(tmp_path, LUNYU)

    filling.embed_missing()

    row = EmbeddingModel.objects.get()
    assert (row.name, row.dimensions, row.is_serving) == ("old-model", 64, True)
    assert row.served_at is not None


@pytest.mark.django_db
def test_after_another_is_chosen_the_search_stays_with_the_old_one(house: House, tmp_path: Path) -> None:
    fill_old_model_and_choose_the_new_one(house, tmp_path)

    result = run_search("学而不思则罔")

    assert serving_embedder() is house.old
    assert result.dense_available
    assert models_in_use() == ["old-model", "new-model"]


@pytest.mark.django_db
def test_new_passages_get_vectors_of_both_models_meanwhile(house: House, tmp_path: Path) -> None:
    load(tmp_path, LUNYU)
    filling.embed_missing()
    house.chosen = house.new
    load(tmp_path, LUNYU, DAODEJING)

    stored = filling.embed_missing(work_titles=["道德经"])

    assert stored == 6
    assert serving_model() == "old-model"
    assert Embedding.objects.filter(model="old-model").count() == 9
    assert Embedding.objects.filter(model="new-model").count() == 3


@pytest.mark.django_db
def test_the_search_goes_over_when_the_new_model_lacks_nothing(house: House, tmp_path: Path) -> None:
    fill_old_model_and_choose_the_new_one(house, tmp_path)

    before = filling.complete_models()
    filling.embed_missing()
    after = filling.complete_models()

    assert [(done.model, done.missing, done.switched) for done in before] == [
        ("old-model", 0, False),
        ("new-model", 9, False),
    ]
    assert [(done.model, done.missing, done.switched) for done in after] == [
        ("old-model", 0, False),
        ("new-model", 0, True),
    ]
    assert serving_model() == "new-model"
    assert list(EmbeddingModel.objects.filter(is_serving=True).values_list("name", flat=True)) == [
        "new-model"
    ]
    assert Embedding.objects.filter(model="old-model").count() == 9


@pytest.mark.django_db
def test_no_model_takes_over_with_an_empty_corpus(house: House) -> None:
    filling.embed_missing()
    house.chosen = house.new
    filling.embed_missing()

    filling.complete_models()

    assert serving_model() == "old-model"


@pytest.mark.django_db
def test_a_model_that_lacks_vectors_is_refused_unless_that_is_accepted(house: House, tmp_path: Path) -> None:
    fill_old_model_and_choose_the_new_one(house, tmp_path)
    filling.embed_missing(work_titles=["道德经"])

    with pytest.raises(EmbeddingModelIncomplete, match="6"):
        filling.switch_model(model="new-model")
    assert serving_model() == "old-model"

    filling.switch_model(model="new-model", even_if_incomplete=True)
    assert serving_model() == "new-model"


@pytest.mark.django_db
def test_a_model_without_any_vector_never_serves(house: House, tmp_path: Path) -> None:
    fill_old_model_and_choose_the_new_one(house, tmp_path)

    with pytest.raises(EmbeddingModelIncomplete):
        filling.switch_model(model="new-model", even_if_incomplete=True)

    assert serving_model() == "old-model"


@pytest.mark.django_db
def test_a_serving_model_that_is_not_configured_leaves_the_search_to_characters(
    house: House, tmp_path: Path
) -> None:
    fill_old_model_and_choose_the_new_one(house, tmp_path)
    del house.known["old-model"]

    result = run_search("学而不思则罔")

    assert not result.dense_available
    assert result.hits[0].text.startswith("子曰：“学而不思则罔")
    assert models_in_use() == ["new-model"]


@pytest.mark.django_db
def test_when_the_new_model_gives_no_vectors_the_old_one_goes_on(
    house: House, tmp_path: Path, monkeypatch
) -> None:
    fill_old_model_and_choose_the_new_one(house, tmp_path)

    def fail(texts):
        raise EmbeddingUnavailable

    monkeypatch.setattr(house.new, "embed_passages", fail)
    with pytest.raises(EmbeddingUnavailable):
        filling.embed_missing()

    assert serving_model() == "old-model"
    assert run_search("学而不思则罔").dense_available


@pytest.mark.django_db
def test_a_known_model_with_vectors_of_another_length_is_refused(house: House, tmp_path: Path) -> None:
    load(tmp_path, LUNYU)
    filling.embed_missing(work_titles=["没有这部书"])
    house.old.dimensions = 128

    with pytest.raises(EmbeddingDimensionsMismatch, match=r"64.*128"):
        filling.embed_missing()

    assert not Embedding.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_only_vectors_that_are_out_of_use_are_removed(house: House, tmp_path: Path) -> None:
    fill_old_model_and_choose_the_new_one(house, tmp_path)
    filling.embed_missing()

    meanwhile = filling.prune_models()
    for model in ("old-model", "new-model"):
        with pytest.raises(EmbeddingModelInUse):
            filling.prune_models(only=model)
    assert Embedding.objects.count() == 18
    filling.complete_models()
    afterwards = filling.prune_models()

    assert (meanwhile, afterwards) == ({}, {"old-model": 9})
    assert set(Embedding.objects.values_list("model", flat=True)) == {"new-model"}
    assert list(EmbeddingModel.objects.values_list("name", flat=True)) == ["new-model"]


@pytest.mark.django_db(transaction=True)
def test_nobody_searches_in_vain_while_a_model_takes_the_place_of_another(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From choosing to pruning: every search gets vectors of a whole model, and its own line first."""
    monkeypatch.setattr(vector_index, "INDEXED_FROM", 5)
    monkeypatch.setattr(filling, "EMBEDDING_BATCH", 2)
    fill_old_model_and_choose_the_new_one(house, tmp_path)
    asked: list[tuple[str, int]] = []
    find_nearest = search.dense.find_nearest

    def note(vector: np.ndarray, *, model: str, **options: object) -> dict[int, float]:
        found = find_nearest(vector, model=model, **options)
        asked.append((model, len(found)))
        return found

    monkeypatch.setattr(search.dense, "find_nearest", note)
    with _searching(lambda: run_search("学而不思则罔")) as results:
        filling.embed_missing()
        filling.complete_models()
        # Whoever began before the switch has ended once so many have begun after it.
        _wait_for(lambda: {model for model, _ in asked[-12:]} == {"new-model"})
        removed = filling.prune_models()
        after_pruning = len(asked)
        _wait_for(lambda: len(asked) > after_pruning + 3)

    assert removed == {"old-model": 9}
    assert {count for _, count in asked} == {9}
    assert {model for model, _ in asked} == {"old-model", "new-model"}
    assert all(result.dense_available for result in results)
    assert {result.hits[0].text for result in results} == {"子曰：“学而不思则罔，思而不学则殆。”"}
    vector_index.drop_index("new-model", dimensions=32)


class _searching:
    """Run a search over and over in some threads while the block lasts; an error in one fails the test."""

    def __init__(self, search: Callable[[], object]) -> None:
        self._search, self._stop = search, threading.Event()
        self.results: list = []
        self._errors: list[BaseException] = []
        self._threads = [threading.Thread(target=self._run) for _ in range(3)]

    def _run(self) -> None:
        try:
            while not self._stop.is_set():
                self.results.append(self._search())
        except BaseException as error:
            self._errors.append(error)
        finally:
            connection.close()

    def __enter__(self) -> list:
        for thread in self._threads:
            thread.start()
        _wait_for(lambda: len(self.results) >= 3 or bool(self._errors))
        return self.results

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
        if self._errors:
            raise self._errors[0]


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline = threading.Event()
    for _ in range(3000):
        if condition():
            return
        deadline.wait(0.01)
    pytest.fail("waited in vain")


@pytest.mark.django_db
def test_vectors_know_the_work_of_their_passage(house: House, tmp_path: Path) -> None:
    load(tmp_path, LUNYU, DAODEJING)
    filling.embed_missing()

    pairs = Embedding.objects.values_list("work_id", "passage__work_id")

    assert len(pairs) == 9
    assert all(own == of_passage for own, of_passage in pairs)


@pytest.mark.django_db
def test_a_passage_that_continues_another_is_embedded_with_its_last_sentence(
    house: House, tmp_path: Path
) -> None:
    load(tmp_path, "# 长篇\n\n## 一\n\n" + "子曰學而時習之。" * 30 + "君子務本。" + "其為人也孝弟。" * 40)

    filling.embed_missing()

    first, second = Passage.objects.order_by("ordinal")
    assert (first.continues, second.continues) == (False, True)
    lead = lead_of(first.text)
    assert lead.endswith("。")
    assert house.old.embedded == [
        f"长篇 一 {fold_characters(first.text)}",
        f"长篇 一 {lead}{fold_characters(second.text)}",
    ]
    assert storing.stored_input(second) == house.old.embedded[1]
