"""What the model writes is made safe and judged before readers see it; what must not stand is taken back."""

import time

import pytest

from chat.models import Message, ModerationRecord, SensitiveWord
from chat.moderation.current_words import LOOK_SECONDS
from chat.tests.served import QUESTION, books_agree, joined
from guoxue.tests.scripted_model import Say, Think, Usage

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
    scripted_model.script = [Think("先想"), Think("一想。"), Say("学而时习之。"), Usage(10, 10)]
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        frames = client.until("ai_response")

    thoughts = [frame["data"] for frame in frames if frame["type"] == "reasoning"]
    assert "".join(thought["text"] for thought in thoughts) == "先想一想。"
    assert [thought["seq"] for thought in thoughts] == list(range(1, len(thoughts) + 1))
    assert frames[-1]["data"]["message"] == "学而时习之。"
    assert Message.objects.get(author="assistant").reasoning == "先想一想。"
