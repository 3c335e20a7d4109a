"""The corpus is open to everyone: works, sections, passages in context, and the search."""

from pathlib import Path

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tokens import issue_tokens
from knowledge.models import Passage, Work
from knowledge.tests.corpus import DAODEJING, LUNYU, POEMS, FakeEmbedder, load, use_embedder
from knowledge.vectors import filling

pytestmark = pytest.mark.django_db


@pytest.fixture
def client() -> APIClient:
    return APIClient()


@pytest.fixture(autouse=True)
def small_corpus(tmp_path: Path, monkeypatch) -> None:
    use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU, DAODEJING, POEMS)
    filling.embed_missing()


@pytest.mark.parametrize("visitor", ["anonymous", "stale token", "reader", "staff"])
@pytest.mark.parametrize(
    "address",
    [
        "works",
        "works/{work}",
        "works/{work}/sections",
        "works/{work}/passages",
        "sections/{section}",
        "sections/{section}/passages",
        "passages/{passage}",
        "passages/{passage}/pinyin",
        "passages/{passage}/citation",
        "search?q=学而",
    ],
)
def test_reading_is_open_to_everyone(client: APIClient, visitor: str, address: str) -> None:
    if visitor == "stale token":
        client.credentials(HTTP_AUTHORIZATION="Bearer stale")
    elif visitor != "anonymous":
        user = User.objects.create_user("reader@example.org", is_staff=visitor == "staff")
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue_tokens(user).access}")
    passage = Passage.objects.first()
    path = address.format(work=passage.work_id, section=passage.section_id, passage=passage.pk)

    response = client.get(f"/api/v1/{path}")

    assert response.status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize(
    "address",
    [
        *("works", "works/1", "works/1/sections", "works/1/passages", "sections/1", "sections/1/passages"),
        *("passages/1", "passages/1/pinyin", "passages/1/citation", "search", "daily"),
    ],
)
def test_nothing_can_be_written(client: APIClient, method: str, address: str) -> None:
    response = getattr(client, method)(f"/api/v1/{address}")

    assert response.status_code == 405
    assert Passage.objects.count() == 11


def test_works_are_listed_by_title(client: APIClient, django_assert_num_queries) -> None:
    with django_assert_num_queries(1):
        body = client.get("/api/v1/works").json()

    assert body.keys() == {"results", "next", "previous"}
    assert {work["title"] for work in body["results"]} == {"论语", "道德经", "唐诗选"}
    lunyu = next(work for work in body["results"] if work["title"] == "论语")
    assert (lunyu["category"], lunyu["passage_count"], lunyu["aliases"]) == ("经部", 6, ["论", "语录"])


def test_sections_are_listed_in_reading_order(client: APIClient, django_assert_num_queries) -> None:
    work = Work.objects.get(title="论语")

    with django_assert_num_queries(2):
        body = client.get(f"/api/v1/works/{work.pk}/sections").json()

    found = [(section["path"], section["passage_count"]) for section in body["results"]]
    assert found == [("学而", 2), ("为政", 4)]
    first = Passage.objects.get(pk=body["results"][1]["first_passage_id"])
    assert first.text.startswith("子曰：“吾十有五")


def test_sections_go_on_at_the_cursor(client: APIClient) -> None:
    work = Work.objects.get(title="道德经")

    first = client.get(f"/api/v1/works/{work.pk}/sections?limit=2").json()
    second = client.get(first["next"]).json()

    assert [section["ordinal"] for section in first["results"]] == [1, 2]
    assert [section["path"] for section in second["results"]] == ["第三十三章"]


def test_passage_is_shown_in_its_context(client: APIClient, django_assert_num_queries) -> None:
    passage = Passage.objects.get(text__startswith="子曰：“学而不思")

    with django_assert_num_queries(3):
        body = client.get(f"/api/v1/passages/{passage.pk}?context=1").json()

    assert (body["id"], body["citation"], body["text"]) == (passage.pk, "《论语·为政》", passage.text)
    assert (body["work"]["title"], body["section"]["path"]) == ("论语", "为政")
    assert [each["ordinal"] for each in body["context"]] == [4, 5, 6]
    assert body["context"][1]["id"] == passage.pk


@pytest.mark.parametrize("context", ["-1", "11", "x", "1.5"])
def test_context_has_its_limits(client: APIClient, context: str) -> None:
    response = client.get(f"/api/v1/passages/{Passage.objects.first().pk}?context={context}")

    assert response.status_code == 400
    assert "context" in response.json()["error"]["fields"]


@pytest.mark.parametrize(
    "address",
    [
        f"{kind}/{key}{rest}"
        for kind, rests in (
            ("passages", ("", "/pinyin", "/citation")),
            ("works", ("", "/sections", "/passages")),
            ("sections", ("", "/passages")),
        )
        for rest in rests
        for key in (0, 10**30)
    ],
)
def test_what_is_not_there_is_not_found(client: APIClient, address: str) -> None:
    response = client.get(f"/api/v1/{address}")

    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


def test_search_answers_with_scores_and_places(client: APIClient) -> None:
    body = client.get("/api/v1/search", {"q": "“學而不思則罔”出自哪里？", "limit": 3}).json()

    assert body["dense_available"] is True
    assert len(body["results"]) == 3
    first = body["results"][0]
    assert (first["citation"], first["exact"], first["fused_rank"]) == ("《论语·为政》", True, 1)
    assert first["why"].startswith("原句命中")
    assert all(first["text"][start:end] for start, end in first["matched"])


def test_half_a_line_is_searched_by_its_characters_alone(client: APIClient) -> None:
    body = client.get("/api/v1/search", {"q": "更上一層樓", "mode": "line"}).json()

    assert body["dense_available"] is False
    first = body["results"][0]
    assert (first["citation"], first["exact"]) == ("王之涣《登鹳雀楼》", True)
    assert [hit["dense_score"] for hit in body["results"]] == [None] * len(body["results"])


def test_search_keeps_to_works_and_categories(client: APIClient) -> None:
    by_work = client.get("/api/v1/search?q=知者&work=老子&work=唐诗选&limit=20").json()
    by_category = client.get("/api/v1/search?q=知者&category=经部&limit=20").json()

    assert {hit["work"] for hit in by_work["results"]} == {"道德经", "唐诗选"}
    assert {hit["work"] for hit in by_category["results"]} == {"论语"}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "q"),
        ("q=", "q"),
        ("q=%20%20", "q"),
        ("q=%00", "q"),
        ("q=" + "学" * 501, "q"),
        ("q=学&mode=dense", "mode"),
        ("q=学&limit=0", "limit"),
        ("q=学&limit=51", "limit"),
    ],
)
def test_search_refuses_what_it_cannot_read(client: APIClient, query: str, field: str) -> None:
    response = client.get(f"/api/v1/search?{query}")

    assert response.status_code == 400
    assert field in response.json()["error"]["fields"]


def test_search_refuses_an_unknown_category(client: APIClient) -> None:
    response = client.get("/api/v1/search?q=学&category=小说部")

    assert response.status_code == 400


def test_search_is_throttled(client: APIClient, monkeypatch) -> None:
    monkeypatch.setattr("rest_framework.throttling.ScopedRateThrottle.THROTTLE_RATES", {"search": "2/minute"})

    statuses = [client.get("/api/v1/search?q=学而").status_code for _ in range(3)]

    assert statuses == [200, 200, 429]


def test_schema_describes_the_corpus(client: APIClient) -> None:
    with override_settings(DEBUG=True):
        schema = client.get("/api/schema/?format=json").json()

    assert {
        "/api/v1/works",
        "/api/v1/passages/{passage_id}",
        "/api/v1/search",
        "/api/v1/quotes/verify",
        "/api/v1/bookmarks/export",
    } <= schema["paths"].keys()
    passage = schema["components"]["schemas"]["Passage"]["properties"]
    assert passage["context"]["items"] == {"$ref": "#/components/schemas/ContextPassage"}
