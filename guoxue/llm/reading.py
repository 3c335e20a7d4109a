"""Decides how a provider's answer is read: piece by piece, no wait too long, complete once it has been finished."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from django.conf import settings

from guoxue.llm.connections import FAULTS
from guoxue.llm.deltas import Delta, ReplyReading
from guoxue.llm.errors import ModelError, ModelUnavailable
from guoxue.llm.messages import ReplyEvent, StreamEnd
from guoxue.llm.server_events import EventDecoder
from guoxue.patience import Patience

# No reply is longer, as a role grants 32 000 tokens at most; a model that writes on is broken, and would fill our
# memory. The final frame of a reply of this length must fit into what a WebSocket sends.
MAX_REPLY_CHARACTERS = 200_000
# How long we wait for the usage after the text has ended, and for the connection to be free for the next request.
USAGE_SECONDS = 5.0
RELEASE_SECONDS = 0.1
# Streams are read together, so many times a second, and what has come meanwhile is one delta: to wake up for each by
# itself would cost most of what a delta costs (ADR 16). No reader sees the difference.
READING_SECONDS = 0.03
# A reading of this length has left more behind, which need not wait.
_LONG_READING_BYTES = 8192


async def read_reply(
    body: AsyncIterator[bytes], first_deadline: float, last_deadline: float
) -> AsyncGenerator[ReplyEvent, None]:
    """Yield the deltas, then the end; the deadlines of the first delta and of all are times of the loop's clock.

    Raises what the network and the decoders raise, unless the reply has been finished before.
    """
    reading = ReplyReading()
    try:
        async with aclosing(_read_deltas(body, reading, first_deadline, last_deadline)) as deltas:
            async for delta in deltas:
                yield delta
    except (ModelError, *FAULTS):
        if not reading.finish_reason:
            raise
    if not reading.finish_reason:
        raise ModelUnavailable
    yield StreamEnd(reading.finish_reason, reading.usage)


async def _read_deltas(
    body: AsyncIterator[bytes], reading: ReplyReading, first_deadline: float, last_deadline: float
) -> AsyncGenerator[Delta, None]:
    """Yield the deltas up to ``[DONE]`` or the end of the body, those joined that came since the last reading.

    A wait ends with an event, not with a byte: comments that keep the connection alive and events that drip in byte
    by byte do not count.
    """
    clock = asyncio.get_running_loop().time
    gap = settings.LLM_GAP_TIMEOUT_SECONDS
    decoder = EventDecoder()
    deadline = min(first_deadline, last_deadline)
    with Patience() as patience:
        while not decoder.is_done:
            received = await patience.wait(anext(body, b""), deadline)
            events = decoder.feed(received) if received else decoder.close()
            deltas, fault = reading.read(events)
            for delta in deltas:
                yield delta
            if fault is not None:
                raise fault
            if not received:
                return
            if reading.characters > MAX_REPLY_CHARACTERS:
                raise ModelUnavailable
            if events and (reading.characters or reading.finish_reason):
                wait = USAGE_SECONDS if reading.finish_reason else gap
                deadline = min(clock() + wait, last_deadline)
            if deltas and not reading.finish_reason and len(received) < _LONG_READING_BYTES:
                await asyncio.sleep(READING_SECONDS - clock() % READING_SECONDS)
        await _release(body, patience, clock() + RELEASE_SECONDS)


async def _release(body: AsyncIterator[bytes], patience: Patience, deadline: float) -> None:
    """Read the body's end, so that the connection can serve the next request instead of being closed."""
    try:
        await patience.wait(anext(body, b""), deadline)
    except FAULTS:
        return
