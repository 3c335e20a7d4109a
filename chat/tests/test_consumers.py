"""What the served WebSocket refuses, and how it says so."""

import asyncio
import uuid
from datetime import timedelta

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer
from rest_framework_simplejwt.tokens import AccessToken
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from accounts.tokens import issue_ticket, issue_tokens
from chat.consumers import ChatConsumer
from chat.models import Message
from chat.streaming.hints import get_board
from chat.tests.served import QUESTION

pytestmark = pytest.mark.django_db(transaction=True)


def test_bad_frames_get_a_clear_error_and_the_socket_lives_on(served, reader, session):
    bad = [
        "not json",
        "[]",
        '{"type": "dance", "data": {}}',
        '{"type": "user_message", "data": []}',
        '{"type": []}',
        "[" * 100_000,
        b"\x00\x01binary",
    ]
    with served.socket(reader, session.id) as client:
        for frame in bad:
            client.connection.send(frame)
            assert client.receive()["data"]["error"]["code"] == "malformed_frame", frame
        client.connection.send('{"type": "stop", "data": {"message_id": "\\ud800"}}')
        assert client.receive()["data"]["error"]["code"] == "invalid_input"
        client.send("user_message", message="问", client_message_id="not-a-uuid")
        invalid = client.receive()["data"]["error"]
        client.ask("")
        empty = client.receive()["data"]["error"]
        client.ask("问" * 20_000)
        long = client.receive()["data"]["error"]
        client.send("resume", message_id=str(uuid.uuid4()), last_seq=0)
        unknown = client.receive()["data"]["error"]
        client.send("user_message", message="问", client_message_id=str(uuid.uuid4()), role_id=99_999)
        role = client.receive()["data"]["error"]
        client.ask(QUESTION)
        assert client.until("ai_response")[-1]["data"]["status"] == "completed"

    assert (invalid["code"], list(invalid["fields"])) == ("invalid_input", ["client_message_id"])
    assert (empty["code"], long["code"]) == ("message_empty", "message_too_long")
    assert (unknown["code"], role["code"]) == ("message_not_found", "role_not_found")
    assert Message.objects.count() == 2


@pytest.mark.parametrize(
    ("who", "code"),
    [("nobody", 4401), ("wrong", 4401), ("expired", 4401), ("stranger", 4404), ("unknown", 4404)],
)
def test_who_may_not_look_is_turned_away_with_a_close_code(
    served, reader, stranger, session, who, code, settings
):
    token = issue_tokens(stranger if who == "stranger" else reader).access
    if who == "wrong":
        token = f"{token[:-4]}AAAA"
    if who == "expired":
        token = expired_token(reader)
    session_id = uuid.uuid4() if who == "unknown" else session.id
    protocols = None if who == "nobody" else ["bearer", token]
    with (
        connect(served.socket_url(session_id), subprotocols=protocols) as client,
        pytest.raises(ConnectionClosed) as closed,
    ):
        client.recv(timeout=10)

    assert closed.value.rcvd.code == code


def expired_token(user) -> str:
    token = AccessToken.for_user(user)
    token.set_exp(lifetime=-timedelta(minutes=1))
    return str(token)


def test_header_ticket_and_query_token_open_the_socket_too(served, reader, session):
    url = served.socket_url(session.id)
    token = issue_tokens(reader).access
    ways = [
        {"uri": url, "additional_headers": {"Authorization": f"Bearer {token}"}},
        {"uri": f"{url}?ticket={issue_ticket(reader)}"},
        {"uri": f"{url}?token={token}"},
    ]
    for way in ways:
        with connect(**way) as client:
            client.send('{"type": "ping"}')
            assert client.recv(timeout=10) == '{"type":"pong","data":{}}'


def test_a_consumer_that_crashes_leaves_no_listener_behind(monkeypatch):
    async def crash(consumer, scope, receive, send):
        get_board().listen(consumer.session_id, consumer._on_hint)
        raise ValueError

    monkeypatch.setattr(AsyncWebsocketConsumer, "__call__", crash)

    async def scenario():
        scope = {"url_route": {"kwargs": {"session_id": uuid.uuid4()}}}
        with pytest.raises(ValueError):
            await ChatConsumer()(scope, None, None)
        return dict(get_board()._listeners)

    assert asyncio.run(scenario()) == {}
