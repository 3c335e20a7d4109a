"""The conversation as it is served: a real daphne process, a real WebSocket, a scripted model over HTTP."""

import threading
import time
import uuid

import pytest
from django.db import connection

from billing.models import Hold, Wallet
from chat.models import Message, ReplyChunk
from chat.services.replies import interrupt_abandoned_reply
from chat.services.sessions import create_session
from chat.tests.served import LONG, QUESTION, Served, books_agree, joined, sequence, wait_for
from guoxue.tests.scripted_model import ANSWER, Pause, Say, Usage, Wait, spoken

pytestmark = pytest.mark.django_db(transaction=True)


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
    assert request["messages"][-1]["role"] == "user"
    assert f"\n{QUESTION}\n" in request["messages"][-1]["content"]


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


def test_a_viewer_in_another_process_survives_a_lost_database_connection(
    served, reader, session, scripted_model
):
    scripted_model.script = spoken(LONG, size=3, pause=0.08)
    other = Served(LLM_BASE_URL=scripted_model.base_url, LLM_API_KEY="scripted", PGAPPNAME="other").start()
    try:
        with served.socket(reader, session.id) as one, other.socket(reader, session.id) as two:
            one.ask(QUESTION)
            message_id = one.until("delta")[0]["data"]["message_id"]
            two.send("resume", message_id=message_id, last_seq=0)
            two.until("delta")
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'other'"
                )
            final_one, final_two = one.until("ai_response", 30)[-1], two.until("ai_response", 30)[-1]
    finally:
        other.stop()

    assert final_one == final_two
    assert final_one["data"]["message"] == LONG


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
    assert final["label"] == "离线模式：仅摘引原文，由 AI 服务合成"
    assert scripted_model.requests == []


def test_the_sweep_ends_what_nobody_looks_at(served, reader, session, scripted_model):
    scripted_model.script = [Say(LONG), Wait(threading.Event())]
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        message_id = client.until("delta")[0]["data"]["message_id"]
    served.kill()

    wait_for(lambda: interrupt_abandoned_reply(message_id=uuid.UUID(message_id)))

    assert Message.objects.get(id=message_id).status == "interrupted"


def test_question_whose_asker_is_gone_at_once_is_answered_all_the_same(served, reader, scripted_model):
    sessions = [create_session(user=reader) for _ in range(12)]
    for session in sessions:
        with served.socket(reader, session.id) as client:
            client.ask(QUESTION)

    wait_for(lambda: Message.objects.filter(author="assistant").exclude(status="streaming").count() == 12)

    ends = set(Message.objects.filter(author="assistant").values_list("status", flat=True))
    assert ends == {"completed"}
    assert books_agree()
