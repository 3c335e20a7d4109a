"""What the model writes is made safe and judged before readers see it; what must not stand is taken back."""

import threading
import time
import uuid

import pytest
from django.utils import timezone

from chat.endings import Outcome
from chat.models import Message, ModerationRecord, SensitiveWord
from chat.moderation.current_words import LOOK_SECONDS
from chat.queries import final_frame
from chat.services.replies import Piece, finish_turn, flush_pieces, interrupt_abandoned_reply
from chat.services.turns import begin_turn
from chat.tests.served import QUESTION, books_agree, joined
from guoxue.tests.scripted_model import Pause, Say, Think, Usage, Wait

pytestmark = pytest.mark.django_db(transaction=True)


def test_links_and_images_of_the_model_reach_nobody(served, reader, session, scripted_model):
    scripted_model.script = [
        Say("子曰：「学而时习之」，详见 ![图](https://evil.example/a.png)"),
        Say(" [这里](https://evil.example)。"),
        Usage(10, 10),
    ]
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        frames = client.until("ai_response")

    final = frames[-1]["data"]
    assert joined(frames) == final["message"]
    assert "evil" not in str(frames)
    assert Message.objects.get(id=final["message_id"]).text == final["message"]


def test_reply_with_a_blocked_word_is_taken_back_and_costs_nothing(served, reader, session, scripted_model):
    SensitiveWord.objects.create(word="代办毕业证书", action="block")
    time.sleep(LOOK_SECONDS + 0.2)
    scripted_model.script = [Say("学而时习之，" * 20), Say("代办毕业"), Say("证书，详询。"), Usage(10, 200)]
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        frames = client.until("ai_response")

    final = frames[-1]["data"]
    assert frames[-2]["type"] == "retract"
    assert (final["status"], final["message"], final["cost_micros"]) == ("failed", "", 0)
    assert final["error"]["code"] == "reply_retracted"
    assert "证书" not in joined(frames)
    reply = Message.objects.get(id=final["message_id"])
    assert (reply.text, reply.flag) == ("", "blocked")
    assert ModerationRecord.objects.get().message == reply
    assert books_agree()


def test_reasoning_comes_apart_from_the_reply_and_is_kept(served, reader, session, scripted_model):
    scripted_model.script = [Think("先想"), Think("一想 Lunyu"), Say("学而时习之。"), Usage(10, 10)]
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        frames = client.until("ai_response")

    thoughts = [frame["data"] for frame in frames if frame["type"] == "reasoning"]
    assert "".join(thought["text"] for thought in thoughts) == "先想一想 Lunyu"
    assert [thought["seq"] for thought in thoughts] == list(range(1, len(thoughts) + 1))
    assert frames[-1]["data"]["message"] == "学而时习之。"
    assert Message.objects.get(author="assistant").reasoning == "先想一想 Lunyu"


def test_what_the_model_says_after_a_stop_is_neither_shown_nor_held_against_the_reply(
    served, reader, session, scripted_model
):
    SensitiveWord.objects.create(word="代办毕业证书", action="block")
    time.sleep(LOOK_SECONDS + 0.2)
    gate = threading.Event()
    scripted_model.script = [Say("学而时习之。"), Wait(gate), Say("代办毕业证书。"), Usage(10, 20)]
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        message_id = client.until("delta")[-1]["data"]["message_id"]
        client.send("stop", message_id=message_id)
        client.send("ping")
        client.until("pong")
        gate.set()
        final = client.until("ai_response")[-1]["data"]

    assert (final["status"], final["message"]) == ("stopped", "学而时习之。")
    assert final["usage"]["output_tokens"] == 20
    assert not ModerationRecord.objects.exists()


def test_nothing_of_a_blocked_reply_comes_back_when_its_process_dies(reader, session, priced_model):
    turn = begin_turn(user=reader, session_id=session.id, text=QUESTION, client_message_id=uuid.uuid4())
    flush_pieces(lease_tokens=[turn.lease_token], pieces=[Piece(turn.message_id, 1, "不该看到的话，" * 20)])
    Message.objects.filter(id=turn.message_id).update(flag="blocked", lease_expires_at=timezone.now())

    interrupt_abandoned_reply(message_id=turn.message_id)

    reply = Message.objects.get(id=turn.message_id)
    assert (reply.status, reply.text, reply.error_code) == ("failed", "", "reply_retracted")
    assert (reply.cost_micros, reply.chunks.count()) == (0, 0)
    assert books_agree()


def test_reply_that_is_blocked_after_its_end_is_not_shown_any_more(reader, session, priced_model):
    turn = begin_turn(user=reader, session_id=session.id, text=QUESTION, client_message_id=uuid.uuid4())
    outcome = Outcome("completed", "不该看到的话。", reasoning="想过的话。")
    reply = finish_turn(message_id=turn.message_id, lease_token=turn.lease_token, outcome=outcome)
    reply.flag = "blocked"

    frame = final_frame(reply)["data"]

    assert (frame["message"], frame["html"], frame["reasoning"], frame["sources"]) == ("", "", "", [])


def test_model_that_has_nothing_to_add_has_not_completed_the_reply(served, reader, session, scripted_model):
    scripted_model.queue = [[Say("学而时习之，"), Pause(30)], [Usage(10, 1)]]
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        message_id = client.until("delta")[-1]["data"]["message_id"]
        client.send("stop", message_id=message_id)
        client.until("ai_response")
        client.send("continue", message_id=message_id, client_message_id=str(uuid.uuid4()))
        final = client.until("ai_response")[-1]["data"]

    assert (final["status"], final["message"]) == ("failed", "学而时习之，")
    assert (final["error"]["code"], final["cost_micros"]) == ("model_silent", 0)
