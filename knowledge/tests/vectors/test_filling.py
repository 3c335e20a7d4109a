"""Vectors are filled in behind the texts, resumably, and those of the starter corpus come with the program."""

import threading
from pathlib import Path

import numpy as np
import pytest

from knowledge.embeddings import BUNDLED_MODEL
from knowledge.errors import EmbeddingUnavailable
from knowledge.models import Embedding, Passage
from knowledge.outlining.outline import hash_text
from knowledge.starter import loading as starter
from knowledge.tests.corpus import (
    DAODEJING,
    LUNYU,
    POEMS,
    BrokenEmbedder,
    FakeEmbedder,
    load,
    use_embedder,
)
from knowledge.vectors import filling, starter_vectors, storing


@pytest.mark.django_db
def test_every_passage_gets_one_vector_of_the_model(tmp_path: Path, monkeypatch) -> None:
    embedder = use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, POEMS)

    stored = filling.embed_missing()

    assert stored == 2
    assert set(Embedding.objects.values_list("model", flat=True)) == {"fake-model"}
    assert embedder.embedded[0].startswith("唐诗选 李白 静夜思 床前明月光")


@pytest.mark.django_db
def test_second_run_embeds_only_what_is_new(tmp_path: Path, monkeypatch) -> None:
    embedder = use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU)
    filling.embed_missing()
    load(tmp_path, LUNYU, DAODEJING)
    embedder.embedded.clear()

    stored = filling.embed_missing()

    assert stored == len(embedder.embedded) == 3


@pytest.mark.django_db
def test_vectors_of_another_model_stay_and_do_not_count(tmp_path: Path, monkeypatch) -> None:
    load(tmp_path, DAODEJING)
    use_embedder(monkeypatch, FakeEmbedder())
    filling.embed_missing()
    other = FakeEmbedder()
    other.name, other.dimensions = "other-model", 32
    use_embedder(monkeypatch, other)

    stored = filling.embed_missing()

    assert stored == 3
    assert Embedding.objects.count() == 6


@pytest.mark.django_db
def test_only_the_named_works_are_embedded(tmp_path: Path, monkeypatch) -> None:
    use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU, DAODEJING)

    filling.embed_missing(work_titles=["道德经"])

    assert set(Embedding.objects.values_list("passage__work__title", flat=True)) == {"道德经"}


@pytest.mark.django_db
def test_interrupted_run_keeps_the_batches_it_has_finished(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(filling, "EMBEDDING_BATCH", 2)
    load(tmp_path, LUNYU)

    class Tired(FakeEmbedder):
        def embed_passages(self, texts):
            if self.embedded:
                raise EmbeddingUnavailable
            return super().embed_passages(texts)

    use_embedder(monkeypatch, Tired())
    with pytest.raises(EmbeddingUnavailable):
        filling.embed_missing()
    assert Embedding.objects.count() == 2

    use_embedder(monkeypatch, FakeEmbedder())
    filling.embed_missing()

    assert Embedding.objects.count() == 6


@pytest.mark.django_db
def test_the_model_goes_on_with_the_next_batch_while_one_is_stored(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(filling, "EMBEDDING_BATCH", 2)
    load(tmp_path, LUNYU)
    second_has_begun = threading.Event()

    class Watched(FakeEmbedder):
        def embed_passages(self, texts):
            if self.embedded:
                second_has_begun.set()
            return super().embed_passages(texts)

    store, waited = storing.store_vectors, []

    def store_when_the_second_has_begun(model, found) -> None:
        waited.append(second_has_begun.wait(10))
        store(model, found)

    use_embedder(monkeypatch, Watched())
    monkeypatch.setattr(storing, "store_vectors", store_when_the_second_has_begun)

    stored = filling.embed_missing()

    assert waited == [True, True, True]
    assert stored == Embedding.objects.count() == 6


@pytest.mark.django_db
def test_passage_that_went_away_meanwhile_gets_no_vector(tmp_path: Path) -> None:
    load(tmp_path, DAODEJING)
    gone, there = Passage.objects.order_by("ordinal").values_list("id", flat=True)[:2]
    Passage.objects.filter(pk=gone).delete()
    vector = np.ones(4, np.float32)

    storing.store_vectors("fake-model", {gone: vector, there: vector})

    assert list(Embedding.objects.values_list("passage_id", flat=True)) == [there]


@pytest.mark.django_db
def test_vector_that_is_there_stays(tmp_path: Path) -> None:
    load(tmp_path, DAODEJING)
    key = Passage.objects.values_list("id", flat=True)[0]
    storing.store_vectors("fake-model", {key: np.array([0.6, -0.8], np.float32)})

    storing.store_vectors("fake-model", {key: np.array([1, 0], np.float32)})

    assert list(Embedding.objects.get().vector) == pytest.approx([0.6, -0.8], abs=1e-3)


@pytest.mark.django_db
def test_starter_corpus_is_loaded_with_its_vectors_and_without_the_model(monkeypatch) -> None:
    broken = BrokenEmbedder()
    broken.name = BUNDLED_MODEL
    use_embedder(monkeypatch, broken)

    works = starter.load_starter()
    stored = filling.embed_missing(starter_only=True)

    assert {"论语", "大学", "中庸", "道德经", "孙子兵法", "三字经"} <= {work.title for work in works}
    assert stored == Passage.objects.count() > 500
    assert filling.count_missing_vectors() == 0


@pytest.mark.django_db
def test_starter_corpus_is_loaded_once() -> None:
    starter.load_starter()

    works = starter.load_starter()

    assert all(work.unchanged for work in works)


@pytest.mark.django_db
def test_starter_corpus_leaves_an_operators_own_edition_alone(tmp_path: Path) -> None:
    load(tmp_path, DAODEJING)

    works = starter.load_starter()

    assert "道德经" not in {work.title for work in works}
    assert Passage.objects.filter(work__title="道德经").count() == 3


def test_every_starter_text_has_its_vector_in_the_repository() -> None:
    """Red after a change of the starter texts: run ``manage.py embed_starter``."""
    known = starter_vectors.load_starter_vectors(BUNDLED_MODEL)

    wanted = {
        hash_text(text)
        for _, outline in starter.outline_starter()
        for text in storing.outline_inputs(outline)
    }

    assert known.keys() == wanted
