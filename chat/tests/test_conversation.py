"""The conversation as it is served: a real daphne process, a real WebSocket, a scripted model over HTTP."""

import threading
import time
import uuid
from datetime import timedelta

import pytest
from rest_framework_simplejwt.tokens import AccessToken
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from accounts.tokens import issue_ticket, issue_tokens
from billing.audit import audit_ledger
from billing.models import Hold, Wallet
from chat.models import Message, ReplyChunk
from chat.services import create_session, interrupt_abandoned_reply
from chat.tests.served import Served
from guoxue.tests.scripted_model import ANSWER, Drop, Pause, Raw, Refuse, Say, Usage, Wait, spoken

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION = "「学而不思则罔」出自哪里？"
LONG = "学而不思则罔，思而不学则殆。" * 10


def joined(frames) -> str:
    return "".join(frame["data"]["text"] for frame in frames if frame["type"] == "delta")


def sequence(frames) -> list[int]:
    return [frame["data"]["seq"] for frame in frames if frame["type"] == "delta"]


def wait_for(condition, timeout: float = 15):
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError("the condition did not come true")


def books_agree() -> bool:
    return not any(finding.deviations for finding in audit_ledger())


def status_of(message_id: str) -> str:
    return Message.objects.get(id=message_id).status


def test_a_question_is_accepted_streamed_and_ended(served, reader, session):
    with served.socket(reader, session.id) as client:
        client_message_id = client.ask(QUESTION)
        frames = client.until("ai_response")

    kinds = [frame["type"] for frame in frames]
    assert kinds[0] == "accepted"
    assert frames[0]["data"]["client_message_id"] == str(client_message_id)
    assert kinds.index("sources") < kinds.index("delta")
    final = frames[-1]["data"]
    assert joined(frames) == final["message"] == ANSWER
    assert sequence(frames) == list(range(1, len(sequence(frames)) + 1))
    assert (final["status"], final["ai_generated"], final["label"]) == (
        "completed",
        True,
        "内容由 AI 生成，请对照原典",
    )
    assert final["usage"]["output_tokens"] == len(ANSWER)
    assert final["balance_micros"] == 10_000_000 - final["cost_micros"]
    assert not ReplyChunk.objects.exists()
    assert books_agree()


def test_the_model_is_asked_with_the_roles_prompt_and_the_granted_cap(
    served, reader, session, scripted_model
):
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        client.until("ai_response")

    request = scripted_model.requests[0]
    assert request["model"] == "deepseek-chat"
    assert request["max_tokens"] == session.role.max_output_tokens
    assert request["stream_options"] == {"include_usage": True}
    assert session.role.system_prompt in request["messages"][0]["content"]
    assert request["messages"][-1] == {"role": "user", "content": QUESTION}


def test_a_closed_socket_changes_nothing_and_a_resume_gets_the_rest(served, reader, session, scripted_model):
    gate = threading.Event()
    scripted_model.script = [Say("学而"), Say("时习之，"), Wait(gate), Say("不亦说乎？"), Usage(10, 10)]
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        seen = client.until("delta")
    message_id = seen[0]["data"]["message_id"]
    gate.set()
    with served.socket(reader, session.id) as client:
        client.send("resume", message_id=message_id, last_seq=seen[-1]["data"]["seq"])
        rest = client.until("ai_response")

    final = rest[-1]["data"]
    assert final["message"] == "学而时习之，不亦说乎？"
    assert sequence(rest) in ([], list(range(2, 2 + len(sequence(rest)))))
    assert Message.objects.get(id=message_id).text == final["message"]


def test_a_resume_in_mid_stream_follows_without_gap_or_repeat(served, reader, session, scripted_model):
    scripted_model.script = spoken(LONG, size=3, pause=0.02)
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        seen = client.until("delta")
        seen += [client.receive() for _ in range(3)]
    message_id = seen[0]["data"]["message_id"]
    with served.socket(reader, session.id) as client:
        client.send("resume", message_id=message_id, last_seq=sequence(seen)[-1])
        rest = client.until("ai_response")

    assert joined(seen) + joined(rest) == LONG
    assert sequence(seen) + sequence(rest) == list(range(1, len(sequence(seen)) + len(sequence(rest)) + 1))


def test_a_resume_of_an_ended_reply_sends_its_final_frame_alone(served, reader, session):
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        final = client.until("ai_response")[-1]
        client.send("resume", message_id=final["data"]["message_id"], last_seq=0)
        again = client.receive()

    assert again == final


def test_two_tabs_see_the_same_stream(served, reader, session, scripted_model):
    scripted_model.script = spoken(LONG, size=3, pause=0.01)
    with served.socket(reader, session.id) as one, served.socket(reader, session.id) as two:
        one.send("ping")
        two.send("ping")
        assert [one.receive()["type"], two.receive()["type"]] == ["pong", "pong"]
        one.ask(QUESTION)
        frames_one, frames_two = one.until("ai_response"), two.until("ai_response")

    assert joined(frames_one) == joined(frames_two) == LONG
    assert frames_one[-1] == frames_two[-1]


def test_a_viewer_in_another_process_sees_the_same_stream(served, reader, session, scripted_model):
    scripted_model.script = spoken(LONG, size=3, pause=0.05)
    other = Served(LLM_BASE_URL=scripted_model.base_url, LLM_API_KEY="scripted").start()
    try:
        with served.socket(reader, session.id) as one, other.socket(reader, session.id) as two:
            two.send("ping")
            two.receive()
            time.sleep(0.5)  # the other process joins the hint group
            one.ask(QUESTION)
            frames_one, frames_two = one.until("ai_response"), two.until("ai_response")
    finally:
        other.stop()

    assert frames_two[0]["type"] == "accepted"
    assert len(sequence(frames_two)) > 2
    assert LONG.startswith(joined(frames_two))
    assert sequence(frames_two) == list(range(1, len(sequence(frames_two)) + 1))
    assert frames_one[-1] == frames_two[-1]


def test_stop_keeps_the_text_and_settles_by_the_usage_that_still_comes(
    served, reader, session, scripted_model
):
    gate = threading.Event()
    scripted_model.script = [Say("学而时习之，"), Wait(gate), Say("不亦说乎？"), Usage(1000, 20)]
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        frames = client.until("delta")
        client.send("stop", message_id=frames[0]["data"]["message_id"])
        client.send("ping")
        client.until("pong")
        gate.set()
        final = client.until("ai_response")[-1]["data"]

    assert (final["status"], final["message"]) == ("stopped", "学而时习之，")
    assert final["cost_micros"] == 1000 * 2 + 20 * 3
    assert not final["usage"]["estimated"]


def test_a_stop_through_another_process_reaches_the_reply(served, reader, session, scripted_model):
    scripted_model.script = [Say("学而时习之，"), *[Pause(0.05), Say("水")] * 100, Usage(10, 10)]
    other = Served(LLM_BASE_URL=scripted_model.base_url, LLM_API_KEY="scripted").start()
    try:
        with served.socket(reader, session.id) as one, other.socket(reader, session.id) as two:
            one.ask(QUESTION)
            message_id = one.until("delta")[0]["data"]["message_id"]
            two.send("stop", message_id=message_id)
            final = one.until("ai_response", timeout=30)[-1]["data"]
    finally:
        other.stop()

    assert final["status"] == "stopped"
    assert 0 < len(final["message"]) < 100


def test_kill_9_in_mid_stream_leaves_an_interrupted_reply_and_clean_books(
    served, reader, session, scripted_model
):
    scripted_model.script = [Say(LONG), Wait(threading.Event())]
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        frames = client.until("delta")
        message_id = frames[0]["data"]["message_id"]
        wait_for(lambda: ReplyChunk.objects.filter(message_id=message_id).exists())
        served.kill()
    served.start()
    with served.socket(reader, session.id) as client:
        client.send("resume", message_id=message_id, last_seq=0)
        final = client.until("ai_response")[-1]["data"]

    assert (final["status"], final["message"]) == ("interrupted", LONG)
    assert final["error"]["code"] == "interrupted"
    assert Hold.objects.get(key=f"reply:{message_id}").status == Hold.Status.SETTLED
    assert Wallet.objects.get(user=reader).available_micros == 10_000_000 - final["cost_micros"]
    assert books_agree()


def test_an_interrupted_reply_can_be_generated_again(served, reader, session, scripted_model):
    scripted_model.script = [Say("学"), Drop()]
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        broken = client.until("ai_response")[-1]["data"]
        scripted_model.script = spoken(ANSWER)
        client.send("regenerate", message_id=broken["message_id"], client_message_id=str(uuid.uuid4()))
        frames = client.until("ai_response")

    assert broken["status"] == "failed"
    assert frames[0]["data"]["user_message_id"] == str(Message.objects.get(author="reader").id)
    assert (frames[-1]["data"]["status"], joined(frames)) == ("completed", ANSWER)


@pytest.mark.parametrize(
    ("script", "code"),
    [
        ([Refuse(401)], "model_rejected"),
        ([Refuse(500)], "model_unavailable"),
        ([Refuse(429, {"Retry-After": "0"})], "model_busy"),
        ([Drop()], "model_unavailable"),
        ([Raw("data: {not json\n\n")], "model_unavailable"),
    ],
)
def test_a_provider_that_fails_before_the_first_token_costs_nothing(
    served, reader, session, scripted_model, script, code
):
    scripted_model.script = script
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        final = client.until("ai_response")[-1]["data"]

    assert (final["status"], final["error"]["code"], final["cost_micros"]) == ("failed", code, 0)
    assert final["balance_micros"] == 10_000_000
    assert books_agree()


def test_a_provider_that_breaks_off_in_mid_stream_keeps_the_text_and_charges_it(
    served, reader, session, scripted_model
):
    scripted_model.script = [Say(LONG), Pause(0.1), Drop()]
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        final = client.until("ai_response")[-1]["data"]

    assert (final["status"], final["message"]) == ("failed", LONG)
    assert final["usage"]["estimated"]
    assert final["cost_micros"] > 0
    assert books_agree()


def test_a_resend_joins_the_reply_that_is_running(served, reader, session, scripted_model):
    scripted_model.script = spoken(LONG, size=3, pause=0.02)
    client_message_id = uuid.uuid4()
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION, client_message_id)
        client.until("delta")
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION, client_message_id)
        frames = client.until("ai_response")

    assert joined(frames) == LONG
    assert len(scripted_model.requests) == 1
    assert Hold.objects.count() == 1


def test_bad_frames_get_a_clear_error_and_the_socket_lives_on(served, reader, session):
    bad = [
        "not json",
        "[]",
        '{"type": "dance", "data": {}}',
        '{"type": "user_message", "data": []}',
        b"\x00\x01binary",
    ]
    with served.socket(reader, session.id) as client:
        for frame in bad:
            client.connection.send(frame)
            assert client.receive()["data"]["error"]["code"] == "malformed_frame", frame
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


def test_the_offline_model_answers_with_quoted_sources(scripted_model, reader):
    served = Served(LLM_API_KEY="").start()
    session = create_session(user=reader)
    try:
        with served.socket(reader, session.id) as client:
            client.ask("「学而不思则罔」出自哪里，上下文是什么？")
            final = client.until("ai_response")[-1]["data"]
    finally:
        served.stop()

    assert (final["status"], final["model"], final["cost_micros"]) == ("completed", "offline", 0)
    assert final["label"] == "离线模式：仅摘引原文"
    assert scripted_model.requests == []


def test_the_sweep_ends_what_nobody_looks_at(served, reader, session, scripted_model):
    scripted_model.script = [Say(LONG), Wait(threading.Event())]
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        message_id = client.until("delta")[0]["data"]["message_id"]
    served.kill()

    wait_for(lambda: interrupt_abandoned_reply(message_id=uuid.UUID(message_id)))

    assert status_of(message_id) == "interrupted"
