"""A reply that is cut short is judged to its end; a continuation answers for the words that it begins with."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from accounts.models import User
from chat import frames
from chat.models import Message, ModerationRecord, SensitiveWord, Session
from chat.streaming import engine, requests, screening
from chat.streaming.engine import ReplyEngine, get_engine
from chat.streaming.requests import Request
from chat.streaming.starting import start_turn
from chat.tests.served import QUESTION, books_agree
from guoxue.tests.scripted_model import Drop, Pause, Say, ScriptedModel, Think, Usage
from guoxue.tests.scripted_wechat import RISKY_MARK, Answer

pytestmark = pytest.mark.django_db(transaction=True)

PLAIN = "学而时习之，不亦说乎？"
RISKY = f"学而时习之，{RISKY_MARK}"
OnDelta = Callable[[ReplyEngine, uuid.UUID], Awaitable[None]]


@pytest.fixture(autouse=True)
def _in_this_process(settings: Any, scripted_model: ScriptedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.LLM_API_KEY, settings.LLM_BASE_URL, settings.LLM_PROVIDERS = (
        "scripted",
        scripted_model.base_url,
        {},
    )
    settings.REPLY_DRAIN_SECONDS = 0.1
    monkeypatch.setattr(engine, "STOP_USAGE_GRACE_SECONDS", 0.1)


async def stop(engine: ReplyEngine, message_id: uuid.UUID) -> None:
    engine.stop(message_id)


async def drain(engine: ReplyEngine, message_id: uuid.UUID) -> None:
    await engine.drain()


async def wait(engine: ReplyEngine, message_id: uuid.UUID) -> None:
    """Let it be."""


def write(request: Request, on_delta: OnDelta = wait) -> list[frames.Frame]:
    """Have a reply written by an engine of this process, and do something at its first words; return the frames."""

    async def scenario() -> list[frames.Frame]:
        turn = await start_turn(request)
        received, doing = [], None
        async for frame in get_engine().follow(turn.message_id, 0):
            received.append(frame)
            if frame["type"] == "delta" and doing is None:
                doing = asyncio.create_task(on_delta(get_engine(), turn.message_id))
        if doing is not None:
            await doing
        await get_engine().drain()
        return received

    return asyncio.run(scenario())


@pytest.fixture
def asked(reader: User, session: Session) -> Request:
    return requests.question(reader, session.id, message=QUESTION, client_message_id=uuid.uuid4())


CUTS = {
    "stopped": ([Pause(30)], stop),
    "interrupted": ([Pause(30)], drain),
    "failed": ([Pause(0.2), Drop()], wait),
}


@pytest.mark.parametrize(("rest", "on_delta"), CUTS.values(), ids=CUTS)
def test_end_that_wechat_calls_risky_is_taken_back_however_the_reply_was_cut(
    asked, scripted_model, wechat, rest, on_delta
):
    scripted_model.script = [Say(RISKY), *rest]

    received = write(asked, on_delta)

    assert [frame["type"] for frame in received][-2:] == ["retract", "ai_response"]
    final = received[-1]["data"]
    assert (final["status"], final["message"], final["cost_micros"]) == ("failed", "", 0)
    assert final["error"]["code"] == "reply_retracted"
    assert Message.objects.get(author="assistant").flag == "blocked"
    assert books_agree()


@pytest.mark.parametrize(("status", "cut"), CUTS.items(), ids=CUTS)
def test_end_that_passes_changes_nothing_about_how_the_reply_ends(asked, scripted_model, wechat, status, cut):
    rest, on_delta = cut
    scripted_model.script = [Say(PLAIN), *rest]

    final = write(asked, on_delta)[-1]["data"]

    assert (final["status"], final["message"]) == (status, PLAIN)
    assert any(PLAIN in check.decode() for check in wechat.checks)
    assert not ModerationRecord.objects.exists()


def test_reasoning_is_judged_to_its_end_too(asked, scripted_model, wechat):
    scripted_model.script = [Think(RISKY), Say("学"), Pause(30)]

    final = write(asked, stop)[-1]["data"]

    assert (final["status"], final["reasoning"]) == ("failed", "")


@pytest.mark.parametrize(
    ("is_open", "status", "flag"), [(True, "stopped", "review"), (False, "failed", "blocked")]
)
def test_moderator_that_takes_too_long_has_not_answered(
    asked, scripted_model, wechat, settings, monkeypatch, is_open, status, flag
):
    settings.MODERATION_OUTPUT_FAILS_OPEN = is_open
    settings.WECHAT_TIMEOUT_SECONDS = 10
    monkeypatch.setattr(screening, "LAST_LOOK_SECONDS", 0.3)
    scripted_model.script = [Say(PLAIN), Pause(30)]

    async def stop_when_wechat_is_slow(engine: ReplyEngine, message_id: uuid.UUID) -> None:
        wechat.faults = [Answer({"errcode": -1}, after_seconds=2)]
        engine.stop(message_id)

    final = write(asked, stop_when_wechat_is_slow)[-1]["data"]

    assert final["status"] == status
    assert Message.objects.get(author="assistant").flag == flag
    record = ModerationRecord.objects.get()
    assert (record.verdict, record.moderator, record.label) == ("unavailable", "wechat", "timeout")


def test_window_that_was_being_judged_at_the_stop_is_judged_again(asked, scripted_model, wechat, settings):
    settings.WECHAT_TIMEOUT_SECONDS = 10
    window = f"{PLAIN * 30}{RISKY_MARK}。"
    scripted_model.script = [Say("学"), Pause(0.3), Say(window), Pause(30)]

    async def stop_while_wechat_reads(engine: ReplyEngine, message_id: uuid.UUID) -> None:
        wechat.faults = [Answer({"errcode": -1}, after_seconds=2)]
        while wechat.faults:
            await asyncio.sleep(0.01)
        engine.stop(message_id)

    final = write(asked, stop_while_wechat_reads)[-1]["data"]

    assert (final["status"], final["error"]["code"]) == ("failed", "reply_retracted")
    assert ModerationRecord.objects.get().verdict == "risky"


@pytest.mark.parametrize("action", ["block", "review"])
def test_continuation_answers_for_the_words_that_it_begins_with(
    talk, reader, session, scripted_model, action
):
    SensitiveWord.objects.create(word="代办毕业证书", action=action)
    broken = talk.stop(QUESTION, "代办毕业证书，详询。")
    scripted_model.script = [Say(PLAIN), Usage(10, 10)]
    request = requests.continuation(reader, session.id, message_id=broken.id, client_message_id=uuid.uuid4())

    final = write(request)[-1]["data"]

    version = Message.objects.get(id=final["message_id"])
    blocked = action == "block"
    assert (final["status"], version.flag) == (("failed", "blocked") if blocked else ("completed", "review"))
    assert ModerationRecord.objects.get().message == version
    assert len(scripted_model.requests) == (0 if blocked else 1)
