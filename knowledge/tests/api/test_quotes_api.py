"""Checking quotations over REST: open to everyone, bounded in length and in number."""

from pathlib import Path

import pytest
from rest_framework.test import APIClient

from accounts.tests.factories import make_operator, make_user
from accounts.tokens import issue_tokens
from knowledge.models import Passage
from knowledge.tests.corpus import LUNYU, FakeEmbedder, load, use_embedder

pytestmark = pytest.mark.django_db
VERIFY = "/api/v1/quotes/verify"
TEXT = (
    "《论语·为政》说：“学而不思则罔，思而不学则殆。”\n"
    "《论语·学而》说：“温故而知新，可以为师矣。”\n"
    "又说：“知之为知之，不知为无知，是知也。”还说：“此句乃是杜撰之语也。”"
)


@pytest.fixture
def client() -> APIClient:
    return APIClient()


@pytest.fixture(autouse=True)
def small_corpus(tmp_path: Path, monkeypatch) -> None:
    use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU)


def test_every_quotation_is_judged_in_its_place(client: APIClient) -> None:
    body = client.post(VERIFY, {"text": TEXT}).json()

    first, second, third, fourth = body["results"]
    assert body["counts"] == {"exact": 2, "near": 1, "not_found": 1}
    assert (first["verdict"], first["attribution"], first["citation"]) == ("exact", "right", "《论语·为政》")
    assert TEXT[first["start"] : first["end"]] == first["quote"] == "学而不思则罔，思而不学则殆。"
    assert first["passage_id"] == Passage.objects.get(text__contains="学而不思").pk
    assert (second["verdict"], second["attribution"]) == ("exact", "wrong")
    assert (second["cited"], second["citation"]) == ("论语·学而", "《论语·为政》")
    assert (third["verdict"], third["differences"]) == ("near", [{"quoted": "无", "source": "不"}])
    assert (fourth["verdict"], fourth["passage_id"], fourth["source_text"]) == ("not_found", None, None)


def test_positions_hold_for_text_that_begins_with_spaces(client: APIClient) -> None:
    text = "  \n「学而不思则罔」"

    (check,) = client.post(VERIFY, {"text": text}).json()["results"]

    assert text[check["start"] : check["end"]] == "学而不思则罔"


@pytest.mark.parametrize("visitor", ["anonymous", "stale token", "reader", "staff"])
def test_checking_is_open_to_everyone(client: APIClient, visitor: str) -> None:
    if visitor == "stale token":
        client.credentials(HTTP_AUTHORIZATION="Bearer stale")
    elif visitor != "anonymous":
        user = make_operator() if visitor == "staff" else make_user()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue_tokens(user).access}")

    response = client.post(VERIFY, {"text": "没有引文的一段话。"})

    assert (response.status_code, response.json()["results"]) == (200, [])


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": "字" * 10_001}, {"text": "a\x00"}])
def test_text_has_its_limits(client: APIClient, body: dict) -> None:
    response = client.post(VERIFY, body)

    assert response.status_code == 400
    assert list(response.json()["error"]["fields"]) == ["text"]


def test_longest_text_is_checked(client: APIClient) -> None:
    response = client.post(VERIFY, {"text": ("“学而不思则罔”" * 2000)[:10_000]})

    assert response.status_code == 200
    assert response.json()["counts"]["exact"] > 100


def test_checking_is_throttled(client: APIClient, monkeypatch) -> None:
    monkeypatch.setattr("rest_framework.throttling.ScopedRateThrottle.THROTTLE_RATES", {"quotes": "2/minute"})

    responses = [client.post(VERIFY, {"text": "话。"}) for _ in range(3)]

    assert [response.status_code for response in responses] == [200, 200, 429]
    assert int(responses[2]["Retry-After"]) > 0


@pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
def test_checking_is_a_post(client: APIClient, method: str) -> None:
    assert getattr(client, method)(VERIFY).status_code == 405
