"""The search page: a form that works without JavaScript, hits with what matched and why, limits like the REST door's."""

import re
from pathlib import Path

import pytest
from django.test import Client

from knowledge.models import Passage
from knowledge.retrieval.hits import Duplicate, Hit
from knowledge.retrieval.search import SearchResult
from knowledge.tests.corpus import DAODEJING, LUNYU, POEMS, BrokenEmbedder, FakeEmbedder, load, use_embedder
from knowledge.vectors import filling
from knowledge.views import search_page

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(settings) -> Client:
    settings.SECURE_SSL_REDIRECT = False
    return Client()


@pytest.fixture(autouse=True)
def small_corpus(tmp_path: Path, monkeypatch) -> None:
    use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU, DAODEJING, POEMS)
    filling.embed_missing()


def page_of(client: Client, status: int = 200, **query: object) -> str:
    response = client.get("/search", query)
    assert response.status_code == status
    return response.content.decode()


def citations(page: str) -> list[str]:
    return re.findall(r'<h2 id="hit-\d+"><a [^>]*>(.*?)</a>', page)


def test_empty_page_offers_examples_and_asks_nothing(client: Client, django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        page = page_of(client)

    assert "可以这样找" in page
    assert "autofocus" in page


def test_half_a_line_is_found_with_its_reason(client: Client) -> None:
    page = page_of(client, q="學而不思則罔", mode="line")

    assert citations(page)[0] == "《论语·为政》"
    assert f"/passages/{Passage.objects.get(text__contains='学而不思').pk}" in page
    assert "原句命中" in page
    assert 'value="line" checked' in page


def test_scope_and_words_stay_in_the_form(client: Client) -> None:
    page = page_of(client, q="知者", category=["经部", "子部"], work="论语")

    assert set(citations(page)) <= {"《论语·学而》", "《论语·为政》"}
    assert page.count("checked") == 3
    assert 'value="知者"' in page and 'name="work" value="论语"' in page
    assert re.search(r'<details class="search-scope" open', page)


def test_blank_fields_of_the_form_do_not_narrow_the_search(client: Client) -> None:
    page = page_of(client, q="上善若水", work="", category="")

    assert citations(page)[0] == "《道德经·第八章》"


def test_matches_are_marked_and_the_rest_is_escaped(client: Client, monkeypatch) -> None:
    scores = {"score": 1.0, "dense_score": None, "lexical_score": 2.0, "dense_rank": None, "lexical_rank": 1}
    hit = Hit(
        passage_id=1,
        work="书",
        section="篇",
        citation="《书·篇》",
        text="<b>上善若水</b>",
        **scores,
        fused_rank=1,
        exact=True,
        matched=((0, 5),),
        duplicates=(Duplicate(2, "《别书》"),),
    )
    monkeypatch.setattr(search_page, "run_search", lambda *_a, **_k: SearchResult([hit], None, True))

    page = page_of(client, q="上善若水")

    assert "<mark>&lt;b&gt;上善</mark>若水&lt;/b&gt;" in page
    assert '又见<a href="/passages/2">《别书》</a>' in page


def test_nothing_found_says_what_to_try_next(client: Client) -> None:
    page = page_of(client, q="xyz", mode="line")

    assert "没有找到相近的原文" in page
    assert "智能检索" in page


def test_more_is_offered_up_to_the_limit(client: Client, monkeypatch) -> None:
    monkeypatch.setattr(search_page, "FIRST_HITS", 3)

    first = page_of(client, q="知者", mode="hybrid")
    more = page_of(client, q="知者", mode="hybrid", limit=50)

    assert len(citations(first)) == 3 and "limit=50" in first
    assert len(citations(more)) > 3 and "看更多" not in more


def test_search_without_vectors_says_so(client: Client, monkeypatch) -> None:
    use_embedder(monkeypatch, BrokenEmbedder())

    page = page_of(client, q="上善若水")

    assert "语义检索暂不可用" in page
    assert citations(page)[0] == "《道德经·第八章》"


@pytest.mark.parametrize(
    "query", [{"q": "学" * 501}, {"q": "学", "mode": "dense"}, {"q": "学", "category": "小说"}]
)
def test_unfit_question_is_answered_on_the_page(client: Client, query: dict) -> None:
    page = page_of(client, status=400, **query)

    assert 'role="alert"' in page
    assert citations(page) == []


def test_page_and_rest_door_share_one_limit(client: Client, monkeypatch) -> None:
    monkeypatch.setattr("rest_framework.throttling.ScopedRateThrottle.THROTTLE_RATES", {"search": "2/minute"})
    client.get("/api/v1/search?q=学而")
    client.get("/search?q=学而")

    refused = client.get("/search?q=学而")

    assert refused.status_code == 429
    assert int(refused["Retry-After"]) > 0
    assert "检索太频繁" in refused.content.decode()
    assert client.get("/search").status_code == 200


def test_results_are_not_kept_by_shared_caches(client: Client) -> None:
    response = client.get("/search?q=学而")

    assert "private" in response["Cache-Control"]
    assert not response.cookies
