"""Engineers load and embed the corpus from the command line and see what was refused, and where."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from kombu.exceptions import OperationalError

from knowledge import tasks
from knowledge.embeddings import BUNDLED_MODEL
from knowledge.models import Embedding, Passage
from knowledge.tests.corpus import (
    LUNYU,
    BrokenEmbedder,
    FakeEmbedder,
    use_embedder,
    write,
)
from knowledge.vectors import starter_vectors

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fake_embedder(monkeypatch) -> FakeEmbedder:
    return use_embedder(monkeypatch, FakeEmbedder())


def run(*arguments: object, **options: object) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command(*map(str, arguments), stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def test_embed_corpus_fills_in_what_is_missing(tmp_path: Path, monkeypatch) -> None:
    run("ingest_corpus", write(tmp_path, "lunyu.md", LUNYU), no_embed=True)

    out, _ = run("embed_corpus")

    assert "已生成 6 条向量" in out
    use_embedder(monkeypatch, BrokenEmbedder())
    with pytest.raises(CommandError):
        Embedding.objects.all().delete()
        run("embed_corpus")


def test_starter_is_loaded_with_its_vectors_and_leaves_nothing_to_the_worker(monkeypatch) -> None:
    broken = BrokenEmbedder()
    broken.name = BUNDLED_MODEL
    use_embedder(monkeypatch, broken)
    monkeypatch.setattr(tasks.embed_missing_passages, "delay", lambda: pytest.fail("nothing is missing"))

    first, _ = run("load_starter")
    second, _ = run("load_starter")

    assert "已载入" in first
    assert "已是最新" in second
    assert Embedding.objects.count() == Passage.objects.count()


def test_starter_without_vectors_is_left_to_the_worker(monkeypatch) -> None:
    calls: list[str] = []
    monkeypatch.setattr(tasks.embed_missing_passages, "delay", lambda: calls.append("embed"))

    out, _ = run("load_starter")

    assert calls == ["embed"]
    assert "后台正在补全" in out


def test_start_goes_on_without_a_broker(monkeypatch) -> None:
    def refuse() -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(tasks.embed_missing_passages, "delay", refuse)

    _, err = run("load_starter")

    assert "之后会自动补全" in err


def test_embed_starter_writes_the_vectors_of_all_texts_and_keeps_known_ones(
    tmp_path: Path, monkeypatch, fake_embedder: FakeEmbedder
) -> None:
    path = tmp_path / "vectors.npz"
    save, read = starter_vectors.save_starter_vectors, starter_vectors.load_starter_vectors
    monkeypatch.setattr(
        starter_vectors, "save_starter_vectors", lambda vectors, model: save(vectors, model=model, path=path)
    )
    monkeypatch.setattr(starter_vectors, "load_starter_vectors", lambda model: read(model, path=path))

    run("embed_starter")
    embedded = len(fake_embedder.embedded)
    out, _ = run("embed_starter")

    assert embedded == len(read("fake-model", path=path)) > 500
    assert "新生成 0 条" in out
