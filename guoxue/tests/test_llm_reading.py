"""How a body is read that comes in many small pieces, or in long ones."""

import asyncio
from collections.abc import AsyncIterator, Iterable

import orjson

from guoxue.llm import reading
from guoxue.llm.deltas import ReplyReading
from guoxue.llm.errors import ModelUnavailable
from guoxue.llm.messages import ReasoningDelta, ReplyEvent, StreamEnd, TextDelta

WORDS = [f"{number:02}" for number in range(40)]


def event(**delta: str) -> bytes:
    return orjson.dumps({"choices": [{"delta": delta}]})


def body_of(events: Iterable[bytes]) -> bytes:
    return b"".join(b"data: " + each + b"\n\n" for each in events)


END = body_of([orjson.dumps({"choices": [{"delta": {}, "finish_reason": "stop"}]}), b"[DONE]"])


async def read_all(body: AsyncIterator[bytes]) -> list[ReplyEvent]:
    late = asyncio.get_running_loop().time() + 60
    return [each async for each in reading.read_reply(body, late, late)]


def test_what_comes_between_two_readings_is_one_delta_and_the_first_word_does_not_wait(monkeypatch):
    monkeypatch.setattr(reading, "READING_SECONDS", 0.4)

    async def network() -> AsyncIterator[bytes]:
        """Gives what has come meanwhile, as a socket does."""
        waiting: asyncio.Queue[bytes] = asyncio.Queue()

        async def speak() -> None:
            for word in WORDS:
                waiting.put_nowait(body_of([event(content=word)]))
                await asyncio.sleep(0.01)
            waiting.put_nowait(END)
            waiting.put_nowait(b"")

        speaker = asyncio.create_task(speak())
        while received := await waiting.get():
            while not waiting.empty():
                received += waiting.get_nowait()
            yield received
        await speaker

    *deltas, end = asyncio.run(read_all(network()))

    assert "".join(delta.text for delta in deltas) == "".join(WORDS)
    assert deltas[0] == TextDelta(WORDS[0])
    assert len(deltas) < len(WORDS) / 4
    assert end == StreamEnd("stop", None)


def test_what_has_come_already_does_not_wait(monkeypatch):
    monkeypatch.setattr(reading, "READING_SECONDS", 3600)
    pieces = [body_of([event(content="之" * 4000)]) for _ in range(10)]

    async def network() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece
        yield END

    async def scene() -> list[ReplyEvent]:
        async with asyncio.timeout(10):
            return await read_all(network())

    assert asyncio.run(scene())[:-1] == [TextDelta("之" * 4000)] * 10


def test_neighbours_of_one_kind_are_one_delta():
    events = [
        event(reasoning_content="先"),
        event(reasoning_content="想", content="学"),
        event(content="而"),
        orjson.dumps({"choices": []}),
        event(content="时"),
    ]

    assert ReplyReading().read(events) == ([ReasoningDelta("先想"), TextDelta("学而时")], None)


def test_what_came_before_a_fault_is_not_lost():
    good, bad = [event(content="学"), event(content="而")], [b"{", event(content="时")]

    deltas, fault = ReplyReading().read(good + bad)
    assert deltas == [TextDelta("学而")]
    assert isinstance(fault, ValueError)

    deltas, fault = ReplyReading().read([*good, orjson.dumps({"error": {"code": 500}})])
    assert deltas == [TextDelta("学而")]
    assert isinstance(fault, ModelUnavailable)

    deltas, fault = ReplyReading().read([*good, orjson.dumps({"choices": [7]})])
    assert deltas == [TextDelta("学而")]
    assert isinstance(fault, ValueError)
