from io import StringIO

import pytest
from django.core.management import call_command
from django.http import Http404
from redis.exceptions import ConnectionError as RedisConnectionError
from rest_framework import exceptions

from guoxue import errors
from guoxue.api import exception_handler, validation_fields


class Odd(errors.ApplicationError):
    code = "odd"
    status = 418
    message = "奇怪。"
    retry_after_seconds = 7


@pytest.mark.parametrize(
    ("exception", "status", "code"),
    [
        (Odd(), 418, "odd"),
        (exceptions.ValidationError({"email": ["必填。"]}), 400, "invalid_input"),
        (exceptions.ParseError(), 400, "invalid_input"),
        (exceptions.NotAuthenticated(), 401, "not_authenticated"),
        (exceptions.PermissionDenied(), 404, "not_found"),
        (Http404(), 404, "not_found"),
        (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
        (exceptions.Throttled(wait=12.2), 429, "throttled"),
    ],
)
def test_every_expected_error_has_one_shape(exception, status, code):
    response = exception_handler(exception, {})

    assert response.status_code == status
    assert set(response.data["error"]) == {"code", "message", "fields", "retryable"}
    assert response.data["error"]["code"] == code


def test_an_unexpected_error_is_not_swallowed():
    assert exception_handler(KeyError("x"), {}) is None


def test_a_wait_is_told_in_a_header():
    assert exception_handler(exceptions.Throttled(wait=12.2), {})["Retry-After"] == "13"
    assert exception_handler(Odd(), {})["Retry-After"] == "7"


def test_nested_validation_detail_becomes_dotted_fields():
    detail = {"a": ["x"], "b": {"c": ["y"]}, "d": [{}, {"e": ["z"]}], "f": "w"}

    assert validation_fields(detail) == {"a": ["x"], "b.c": ["y"], "d.1.e": ["z"], "f": ["w"]}


@pytest.mark.parametrize("method", ["get", "post", "delete"])
def test_an_unknown_address_is_answered_in_the_one_shape(client, method):
    response = getattr(client, method)("/api/v1/nothing/at/all")

    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("request_options", "status", "code"),
    [
        ({"data": "[" * 200_000, "content_type": "application/json"}, 400, "invalid_input"),
        ({"data": "{broken", "content_type": "application/json"}, 400, "invalid_input"),
        ({"data": "<a/>", "content_type": "application/xml"}, 400, "invalid_input"),
        ({"data": " " * 6_000_000, "content_type": "application/json"}, 413, "body_too_large"),
        (
            {"data": "{}", "content_type": "application/json", "headers": {"accept": "image/png"}},
            406,
            "not_acceptable",
        ),
    ],
)
def test_a_body_that_cannot_be_read_is_refused_in_the_one_shape(client, db, request_options, status, code):
    response = client.post("/api/v1/auth/refresh", **request_options)

    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_without_redis_a_throttled_address_answers_503(client, db, monkeypatch):
    def down(*args, **kwargs):
        raise RedisConnectionError("down")

    monkeypatch.setattr("django.core.cache.cache.get", down)

    response = client.get("/api/v1/search?q=学而")

    assert (response.status_code, response.json()["error"]["code"]) == (503, "service_unavailable")


def test_the_schema_is_valid_and_names_every_address(db):
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)

    for address in ("auth/register", "wallet", "search", "sessions", "messages/{message_id}/continue"):
        assert f"/api/v1/{address}:" in out.getvalue()


@pytest.mark.parametrize("address", ["/api/docs/", "/api/redoc/"])
def test_the_documentation_asks_no_other_host(client, address):
    page = client.get(address).content.decode()

    assert "https://" not in page
    assert "//fonts" not in page
