"""Decides how background work gets a whole answer: by the same way as a reader's, waited for."""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import aclosing
from typing import Any

from guoxue.llm.client import ChatModelClient
from guoxue.llm.errors import ModelSilent, ModelTimeout, ModelUnavailable
from guoxue.llm.messages import ChatMessage, Completion, StreamEnd, TextDelta


def complete(
    *,
    model: str,
    messages: Sequence[ChatMessage],
    max_tokens: int,
    temperature: float,
    timeout_seconds: float | None = None,
) -> Completion:
    """Return the whole answer; for tasks, never on an event loop and never inside a transaction.

    It is streamed all the same: a provider that hangs is seen after the gap, not after minutes. Raises ``ModelError``
    subclasses, ``ModelSilent`` for an answer without text, ``ModelTimeout`` for one that is not whole in time.
    """
    return asyncio.run(_in_time(timeout_seconds, _complete(model, messages, max_tokens, temperature)))


async def _in_time(seconds: float | None, answer: Coroutine[Any, Any, Completion]) -> Completion:
    try:
        async with asyncio.timeout(seconds):
            return await answer
    except TimeoutError as error:
        raise ModelTimeout from error


async def _complete(
    model: str, messages: Sequence[ChatMessage], max_tokens: int, temperature: float
) -> Completion:
    client = ChatModelClient()
    pieces: list[str] = []
    try:
        events = client.stream(model=model, messages=messages, max_tokens=max_tokens, temperature=temperature)
        async with aclosing(events):
            async for event in events:
                if isinstance(event, TextDelta):
                    pieces.append(event.text)
                elif isinstance(event, StreamEnd):
                    return _whole("".join(pieces), event)
    finally:
        await client.aclose()
    raise ModelUnavailable


def _whole(text: str, end: StreamEnd) -> Completion:
    if not text.strip():
        raise ModelSilent
    return Completion(text, end.usage, end.finish_reason, end.model)
