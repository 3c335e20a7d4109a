"""The command fills in vectors, switches models and removes what is out of use."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from knowledge import embeddings
from knowledge.models import Embedding
from knowledge.tests.corpus import DAODEJING, LUNYU, FakeEmbedder, load, use_embedder
from knowledge.vectors import filling
from knowledge.vectors.serving import serving_model


@pytest.fixture
def chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEmbedder:
    """The old model serves with all its vectors; the new one is chosen and has none."""
    old = use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU, DAODEJING)
    filling.embed_missing()
    new = FakeEmbedder()
    new.name, new.dimensions = "new-model", 32
    use_embedder(monkeypatch, new)
    monkeypatch.setattr(
        embeddings, "embedder_named", lambda name: {"fake-model": old, "new-model": new}[name]
    )
    return new


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("embed_corpus", *arguments, stdout=out, stderr=StringIO())
    return out.getvalue()


@pytest.mark.django_db
def test_vectors_are_made_and_the_search_goes_over(chosen: FakeEmbedder) -> None:
    out = run()

    assert "已生成 9 条向量" in out
    assert "new-model：已补全，逐条比较，不需索引，检索已改用此模型。" in out
    assert serving_model() == "new-model"


@pytest.mark.django_db
def test_some_works_alone_change_nothing_else(chosen: FakeEmbedder) -> None:
    run("--work", "论语")

    assert serving_model() == "fake-model"
    assert Embedding.objects.filter(model="new-model").count() == 6


@pytest.mark.django_db
def test_a_named_model_is_filled_in_and_the_search_stays(chosen: FakeEmbedder) -> None:
    out = run("--model", "new-model")

    assert "new-model：已补全" in out and "检索尚未使用" in out
    assert serving_model() == "fake-model"


@pytest.mark.django_db
def test_switch_does_not_wait_for_vectors_that_cannot_be_made(
    chosen: FakeEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("--work", "论语")
    monkeypatch.setattr(filling, "embed_missing", lambda **options: 0)

    without = run()
    with_it = run("--switch")

    assert "new-model：还缺 3 条，逐条比较，不需索引，检索尚未使用。" in without
    assert "new-model：还缺 3 条，逐条比较，不需索引，检索正在使用。" in with_it
    assert serving_model() == "new-model"


@pytest.mark.django_db
def test_the_search_goes_over_to_no_model_but_the_chosen_one(chosen: FakeEmbedder) -> None:
    with pytest.raises(CommandError, match="EMBEDDING_"):
        run("--model", "fake-model", "--switch")

    assert not Embedding.objects.filter(model="new-model").exists()


@pytest.mark.django_db(transaction=True)
def test_prune_removes_what_is_out_of_use_and_refuses_the_rest(chosen: FakeEmbedder) -> None:
    nothing = run("--prune")
    with pytest.raises(CommandError, match="不能删除"):
        run("--prune", "fake-model")
    run()

    out = run("--prune")

    assert "没有可以删除的向量" in nothing
    assert "fake-model：已删除 9 条向量" in out
    assert set(Embedding.objects.values_list("model", flat=True)) == {"new-model"}
