"""What a provider may do to a reply, and how the reply ends all the same."""

import uuid

import pytest

from chat.models import Message
from chat.tests.served import LONG, QUESTION, books_agree, joined
from guoxue.tests.scripted_model import ANSWER, Drop, Pause, Raw, Refuse, Say, Usage, spoken

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_a_provider_that_says_nothing_is_a_failure_and_free(served, reader, session, scripted_model):
    scripted_model.script = [Usage(1000, 500)]
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        final = client.until("ai_response")[-1]["data"]

    assert (final["status"], final["error"]["code"], final["cost_micros"]) == ("failed", "model_silent", 0)


def test_characters_that_cannot_be_stored_are_dropped(served, reader, session, scripted_model):
    chunk = '{"choices": [{"index": 0, "delta": {"content": "%s"}, "finish_reason": null}]}'
    broken = [Raw(f"data: {chunk % text}\n\n") for text in ("\\ud83d", "\\u0000")]
    scripted_model.script = [Say("学而"), *broken, Say("时习之"), Usage(10, 10)]
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        final = client.until("ai_response")[-1]["data"]

    assert (final["status"], final["message"]) == ("completed", "学而时习之")


def test_a_reply_full_of_nested_marks_ends_like_any_other(served, reader, session, scripted_model):
    nested = "「" * 600 + "学而时习之" + "」" * 600
    scripted_model.script = [Say(nested), Usage(10, 10)]
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        final = client.until("ai_response")[-1]["data"]

    assert (final["status"], final["message"]) == ("completed", nested)
