"""What a provider may do to a reply, and how the reply ends all the same, charged to the last micro-yuan."""

import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from billing.models import Hold, Wallet
from chat.models import Message, ReplyChunk
from chat.tests.served import LONG, QUESTION, Frame, Served, books_agree, joined, sequence
from guoxue import llm
from guoxue.tests.scripted_model import (
    ANSWER,
    Bytes,
    Drop,
    Pause,
    Raw,
    Refuse,
    Reset,
    Say,
    ScriptedModel,
    Stall,
    Step,
    Usage,
    spoken,
)

pytestmark = pytest.mark.django_db(transaction=True)

TRIAL = 10_000_000
# What deepseek-chat costs by the migrations' prices, in micro-yuan a token.
INPUT, OUTPUT = 2, 3


@dataclass(frozen=True)
class Fault:
    """What the provider does, how the reply ends, and by what it is charged."""

    script: Sequence[Step]
    pays: Literal["nothing", "counted", "estimated", "hold"]
    text: str = LONG
    code: str = ""
    asked: int = 1


def event(**content: Any) -> Raw:
    """One event of the provider's stream, as it is."""
    return Raw(f"data: {json.dumps(content)}\n\n")


FINISHED = event(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
HALF = b'data: {"choices": [{"delta": {"content": "\xe6\x97"}}]}\n\n'
COUNTED = Usage(100, 7)
FAULTS = {
    # Before the first token: nothing is written, and nothing is paid.
    "hang before any answer": Fault([Stall(3)], "nothing", "", "model_timeout"),
    "hang before the first token": Fault([Pause(3)], "nothing", "", "model_timeout"),
    "reset": Fault([Reset()], "nothing", "", "model_unavailable", asked=2),
    "break": Fault([Drop()], "nothing", "", "model_unavailable", asked=2),
    "401": Fault([Refuse(401)], "nothing", "", "model_rejected"),
    "500": Fault([Refuse(500)], "nothing", "", "model_unavailable", asked=2),
    "429": Fault([Refuse(429, {"Retry-After": "0"})], "nothing", "", "model_busy", asked=2),
    "429 for an hour": Fault([Refuse(429, {"Retry-After": "3600"})], "nothing", "", "model_busy"),
    "bad JSON": Fault([Raw("data: {not json\n\n")], "nothing", "", "model_unavailable", asked=2),
    "1 byte at a time": Fault([Bytes(FINISHED.line.encode() * 9, 0.05)], "nothing", "", "model_timeout"),
    # In mid-stream: what is written is kept and paid by estimate, and nobody is asked for it again.
    "hang in mid-stream": Fault([Say(LONG), Pause(3)], "estimated", code="model_timeout"),
    "reset in mid-stream": Fault([Say(LONG), Pause(0.1), Reset()], "estimated", code="model_unavailable"),
    "break in mid-stream": Fault([Say(LONG), Pause(0.1), Drop()], "estimated", code="model_unavailable"),
    "bad JSON in mid-stream": Fault(
        [Say(LONG), Raw("data: {not json\n\n")], "estimated", code="model_unavailable"
    ),
    "1 byte at a time in mid-stream": Fault(
        [Say(LONG), Bytes(FINISHED.line.encode(), 0.03)], "estimated", code="model_timeout"
    ),
    "endless": Fault(
        [Say(LONG), *[Pause(0.05), Raw(": wait\n\n"), event(choices=[])] * 99],
        "estimated",
        code="model_timeout",
    ),
    "broken off after a few words": Fault(
        [Say("学而"), Pause(0.1), Drop()], "nothing", "学而", "model_unavailable"
    ),
    # Oddities cost nothing but themselves.
    "half a character": Fault([Say("学而"), Bytes(HALF), Say("时习之"), COUNTED], "counted", "学而时习之"),
    "half a character in a packet": Fault(
        [
            Say("学而"),
            Bytes(event(choices=[{"delta": {"content": "X"}}]).line.replace("X", "时").encode(), 0.001),
            COUNTED,
        ],
        "counted",
        "学而时",
    ),
    "duplicate chunk": Fault([Say(LONG), Say(LONG), COUNTED], "counted", LONG * 2),
    # Without a count that can be true, the price is estimated; a count beyond the hold is ours.
    "no usage": Fault([Say(LONG), FINISHED], "estimated"),
    "usage 0": Fault([Say(LONG), Usage(0, 0)], "estimated"),
    "usage of no output": Fault([Say(LONG), Usage(100, 0)], "estimated"),
    "huge usage": Fault([Say(LONG), Usage(10**12, 10**12)], "hold"),
}


@pytest.fixture(scope="module")
def _hasty(_model: ScriptedModel, django_db_setup: None, django_db_blocker: Any) -> Iterator[Served]:
    patience = {"FIRST_TOKEN": "1", "GAP": "1", "TOTAL": "3"}
    with django_db_blocker.unblock():
        server = Served(
            LLM_BASE_URL=_model.base_url,
            LLM_API_KEY="scripted",
            **{f"LLM_{wait}_TIMEOUT_SECONDS": seconds for wait, seconds in patience.items()},
        ).start()
    yield server
    server.stop()


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_whatever_the_provider_does_the_reply_ends_and_costs_what_it_must(
    _hasty, reader, session, scripted_model, fault
):
    scripted_model.script = fault.script

    with _hasty.socket(reader, session.id) as client:
        client.ask(QUESTION)
        frames = client.until("ai_response")

    final = frames[-1]["data"]
    assert (final["status"], final["message"]) == ("failed" if fault.code else "completed", fault.text)
    assert (final["error"] or {}).get("code", "") == fault.code
    assert fault.text.startswith(joined(frames)) and sequence(frames) == list(
        range(1, len(sequence(frames)) + 1)
    )
    assert len(scripted_model.requests) == fault.asked
    assert_charged(final, fault.pays)


def assert_charged(final: Frame, pays: str) -> None:
    """The reply, the hold and the wallet agree on the exact price, and nothing else is left of the stream."""
    reply, hold = Message.objects.get(id=final["message_id"]), Hold.objects.get()
    prices = {
        "nothing": 0,
        "counted": COUNTED.prompt * INPUT + COUNTED.completion * OUTPUT,
        "estimated": reply.prompt_tokens * INPUT + llm.estimate_tokens(reply.text) * OUTPUT,
        "hold": hold.amount_micros,
    }
    price = min(prices[pays], hold.amount_micros)
    assert (final["cost_micros"], reply.cost_micros, hold.settled_micros) == (price, price, price)
    assert hold.status == (Hold.Status.RELEASED if pays == "nothing" else Hold.Status.SETTLED)
    assert (hold.absorbed_micros > 0) == (price == hold.amount_micros)
    assert Wallet.objects.get().available_micros == final["balance_micros"] == TRIAL - price
    assert final["usage"]["estimated"] == (pays in ("nothing", "estimated"))
    assert not ReplyChunk.objects.exists()
    assert books_agree()


def test_a_limit_that_is_over_soon_is_waited_for(served, reader, session, scripted_model):
    scripted_model.queue = [[Refuse(429, {"Retry-After": "1"})], [Say(LONG), COUNTED]]
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        final = client.until("ai_response")[-1]["data"]

    assert (final["status"], final["message"]) == ("completed", LONG)
    assert_charged(final, "counted")


def test_a_model_that_writes_without_measure_is_cut_off(served, reader, session, scripted_model):
    scripted_model.script = [Say("水" * 20_000), Pause(0.01)] * 99
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        final = client.until("ai_response", timeout=60)[-1]["data"]

    assert (final["status"], final["error"]["code"]) == ("failed", "model_unavailable")
    assert 200_000 < len(final["message"]) <= 220_000
    assert scripted_model.hung_up
    assert_charged(final, "estimated")


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
