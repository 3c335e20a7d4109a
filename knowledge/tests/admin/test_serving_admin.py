"""Operators see which model serves the search and how far another has come."""

from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.tests.factories import make_operator, make_user
from knowledge import embeddings
from knowledge.errors import EmbeddingModelNotConfigured
from knowledge.models import EmbeddingModel
from knowledge.tests.corpus import DAODEJING, LUNYU, FakeEmbedder, load, use_embedder
from knowledge.vectors import filling

pytestmark = pytest.mark.django_db

LIST = "admin:knowledge_embeddingmodel_changelist"


@pytest.fixture(autouse=True)
def two_models(tmp_path: Path, settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old model has all vectors and serves; the new one is chosen and has a third."""
    settings.SECURE_SSL_REDIRECT = False
    use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU, DAODEJING)
    filling.embed_missing()
    new = FakeEmbedder()
    new.name, new.dimensions = "new-model", 32
    known = {"fake-model": FakeEmbedder(), "new-model": new}
    use_embedder(monkeypatch, new)
    monkeypatch.setattr(embeddings, "embedder_named", lambda name: known[name])
    filling.embed_missing(work_titles=["道德经"])


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


def cells(page: str, column: str) -> list[str]:
    return [part.split(">", 1)[1].split("<")[0] for part in page.split(f'field-{column}"')[1:]]


def test_list_shows_state_and_coverage_of_each_model(django_assert_max_num_queries) -> None:
    operator = client_of(make_operator())

    with django_assert_max_num_queries(12):
        page = operator.get(reverse(LIST)).content.decode()

    assert cells(page, "state") == ["检索正在使用", "补全后启用"]
    assert cells(page, "vectors") == ["9", "3"]
    assert cells(page, "coverage") == ["100.0%", "33.3%"]
    assert cells(page, "index") == ["逐条比较", "逐条比较"]


def test_list_warns_when_the_serving_model_is_not_in_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    def only_new(name: str) -> FakeEmbedder:
        if name != "new-model":
            raise EmbeddingModelNotConfigured
        return FakeEmbedder()

    monkeypatch.setattr(embeddings, "embedder_named", only_new)

    page = client_of(make_operator()).get(reverse(LIST)).content.decode()

    assert cells(page, "state") == ["检索正在使用，但设置里已没有它：暂按字句检索", "补全后启用"]


def test_models_are_changed_by_nobody_and_seen_by_those_who_may() -> None:
    key = EmbeddingModel.objects.get(name="new-model").pk
    change = reverse("admin:knowledge_embeddingmodel_change", args=[key])
    viewer = make_user(is_staff=True)
    viewer.user_permissions.set(Permission.objects.filter(codename="view_embeddingmodel"))

    stranger = client_of(make_user(is_staff=True)).get(reverse(LIST)).status_code
    seen = client_of(viewer).get(change).status_code
    changed = client_of(make_operator()).post(change, {"is_serving": "on"}).status_code

    assert (stranger, seen, changed) == (403, 200, 403)
    assert not EmbeddingModel.objects.get(pk=key).is_serving
