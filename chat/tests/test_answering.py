"""A question is answered over HTTP, too: as one reply, or as events that go on where a client was cut off."""

import json
import socket
import time
import uuid
from contextlib import suppress

import httpx2 as httpx
import pytest

from accounts.models import User
from chat.models import Message
from chat.tests.http_client import Http, events, text_of
from chat.tests.served import LONG, Served, books_agree, wait_for
from guoxue.tests.scripted_model import ANSWER, Pause, Refuse, Say, Usage, spoken

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def http(served: Served, reader: User, session) -> Http:
    return Http.of_session(served, reader, session.id)


def test_reply_comes_whole_when_it_has_ended(http, scripted_model):
    response = http.ask()

    assert response.status_code == 201
    reply = response.json()
    assert (reply["status"], reply["message"]) == ("completed", ANSWER)
    assert books_agree()


def test_same_request_again_buys_nothing_and_gets_the_same_reply(http, scripted_model):
    client_message_id = uuid.uuid4()

    first, again = http.ask(client_message_id), http.ask(client_message_id)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["message_id"] == first.json()["message_id"]
    assert len(scripted_model.requests) == 1


def test_events_are_the_frames_of_the_socket(http, scripted_model):
    with http.stream() as response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        received = list(events(response))

    kinds = [kind for _, kind, _ in received]
    assert kinds[0] == "accepted" and kinds[-1] == "ai_response"
    deltas = [(number, data) for number, kind, data in received if kind == "delta"]
    assert text_of(received) == received[-1][2]["message"] == ANSWER
    assert [number for number, _ in deltas] == [str(data["seq"]) for _, data in deltas]


def test_stream_that_was_cut_goes_on_after_the_last_event(http, scripted_model):
    scripted_model.script = spoken(LONG, size=5, pause=0.03)
    client_message_id = uuid.uuid4()
    text, last = "", ""
    with http.stream(client_message_id) as response:
        for number, kind, data in events(response):
            if kind == "delta":
                text, last = text + data["text"], number
                if len(text) > 30:
                    break
    with http.stream(client_message_id, **{"Last-Event-ID": last}) as response:
        rest = list(events(response))

    text += text_of(rest)
    assert text == rest[-1][2]["message"] == LONG
    assert len(scripted_model.requests) == 1


def test_client_that_goes_away_does_not_end_the_reply(http, scripted_model):
    scripted_model.script = [Say("学而"), Pause(0.5), Say("时习之。"), Usage(10, 10)]
    with http.stream() as response:
        next(kind for _, kind, _ in events(response) if kind == "delta")

    reply = wait_for(lambda: Message.objects.filter(author="assistant", status="completed").first())
    assert reply.text == "学而时习之。"


def test_reply_that_fails_says_so_in_its_last_event(http, scripted_model):
    scripted_model.script = [Refuse(400)]

    with http.stream() as response:
        last = list(events(response))[-1]

    assert (last[1], last[2]["status"]) == ("ai_response", "failed")
    assert last[2]["error"]["code"] == "model_rejected"


@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        ({"message": " "}, {}, 400, "message_empty"),
        ({"client_message_id": "x"}, {}, 400, "invalid_input"),
        ({}, {"Last-Event-ID": "x"}, 400, "invalid_input"),
        ({}, {"Authorization": "Bearer x"}, 401, "token_invalid"),
        ({}, {"Authorization": ""}, 401, "not_authenticated"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_status(http, accept, body, headers, status, code):
    response = httpx.post(
        http.url, json=http.body() | body, headers={**http.headers, "Accept": accept, **headers}
    )

    assert response.status_code == status
    assert response.json()["error"]["code"] == code
    assert not Message.objects.exists()


def test_session_of_another_reader_is_not_found(served, stranger, session):
    response = Http.of_session(served, stranger, session.id).ask()

    assert (response.status_code, response.json()["error"]["code"]) == (404, "session_not_found")


def test_history_is_still_read_at_the_same_address(http, scripted_model):
    http.ask()

    response = httpx.get(http.url, headers=http.headers)

    assert [message["author"] for message in response.json()["results"]] == ["assistant", "reader"]


def test_edited_question_is_asked_over_http_too(http, scripted_model):
    first = http.ask().json()
    question = Message.objects.get(id=first["message_id"]).reply_to

    second = http.ask(message="换一个问题", edit_of=str(question.id)).json()

    assert Message.objects.get(id=second["message_id"]).reply_to.parent is None


def test_viewers_on_a_socket_see_a_reply_that_was_asked_for_over_http(served, http, reader, session):
    with served.socket(reader, session.id) as viewer:
        viewer.send("ping")
        viewer.until("pong")
        asked = http.ask().json()
        seen = viewer.until("ai_response")

    assert seen[0]["type"] == "accepted"
    assert seen[-1]["data"]["message_id"] == asked["message_id"]


def test_question_that_is_too_large_is_refused_as_everywhere(http):
    response = http.ask(message="长" * 2_000_000)

    assert (response.status_code, response.json()["error"]["code"]) == (413, "body_too_large")


def test_client_that_reads_no_events_is_cut_off(scripted_model, reader, session, transactional_db):
    served = Served(
        LLM_BASE_URL=scripted_model.base_url, LLM_API_KEY="scripted", SLOW_CLIENT_SECONDS="0.5"
    ).start()
    scripted_model.script = spoken(LONG * 100, size=2000)
    http = Http.of_session(served, reader, session.id)
    client_message_id = uuid.uuid4()
    size = len(http.ask(client_message_id).content)
    body = json.dumps(http.body(client_message_id)).encode()
    head = (
        f"POST {http.url.removeprefix(served.url)} HTTP/1.1\r\nHost: 127.0.0.1:{served.port}\r\n"
        f"Authorization: {http.headers['Authorization']}\r\nAccept: text/event-stream\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    received = 0
    try:
        with socket.socket() as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.connect(("127.0.0.1", served.port))
            # As many requests on one connection as no buffer of the kernel's holds the answers of.
            times = 16_000_000 // size
            with suppress(ConnectionError, TimeoutError):
                raw.settimeout(5)
                raw.sendall((head + body) * times)
            time.sleep(4)
            raw.settimeout(10)
            with suppress(ConnectionError):
                while chunk := raw.recv(1 << 20):
                    received += len(chunk)
    finally:
        served.kill()

    assert received < times * size / 4
