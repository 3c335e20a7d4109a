"""Decides how a reply is asked for: of whom, how often, how long, and what counts as the provider's failure."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING

from django.conf import settings

from guoxue.llm.attempts import Attempts
from guoxue.llm.circuits import Circuits
from guoxue.llm.errors import ModelError, ModelTimeout, ModelUnavailable, ProviderPaused
from guoxue.llm.messages import ChatMessage, ChatRequest, ReplyEvent, StreamEnd
from guoxue.llm.providers import Candidate, Provider, candidates_for

if TYPE_CHECKING:
    from guoxue.llm.connections import Connection

logger = logging.getLogger(__name__)


class ChatModelClient:
    """Streams replies from the configured providers; belongs to one event loop."""

    def __init__(self) -> None:
        self._circuits = Circuits()
        self._connections: dict[str, Connection] = {}

    async def stream(
        self, *, model: str, messages: Sequence[ChatMessage], max_tokens: int, temperature: float
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Yield the reply as it is written, then exactly one ``StreamEnd``.

        Raises ``ModelError`` subclasses; a stream that ends without a finish reason is ``ModelUnavailable``, one that
        breaks off after it is complete. Others are asked, or the same again, only before the first delta.
        """
        request = ChatRequest(tuple(messages), max_tokens, temperature)
        clock = asyncio.get_running_loop().time
        attempts = Attempts(
            candidates_for(model), patience_seconds=settings.LLM_FIRST_TOKEN_TIMEOUT_SECONDS, clock=clock
        )
        last_deadline = clock() + settings.LLM_TOTAL_TIMEOUT_SECONDS
        has_begun = False
        while True:
            candidate, starts_at, first_deadline = attempts.next()
            await asyncio.sleep(starts_at - clock())
            try:
                async with aclosing(self._ask(candidate, request, first_deadline, last_deadline)) as events:
                    async for event in events:
                        has_begun = True
                        yield event
                return
            except ModelError as failure:
                if has_begun:
                    raise
                attempts.note(candidate, failure)

    async def aclose(self) -> None:
        """Close the connections."""
        for connection in self._connections.values():
            await connection.aclose()
        await self._circuits.aclose()

    async def _ask(
        self, candidate: Candidate, request: ChatRequest, first_deadline: float, last_deadline: float
    ) -> AsyncGenerator[ReplyEvent, None]:
        """Ask one provider once; the errors are ours."""
        # These load the SDK: half a second that commands need not wait for.
        from guoxue.llm.connections import FAULTS, as_model_error
        from guoxue.llm.reading import read_reply

        name = candidate.provider.name
        admission = await self._circuits.admit(name)
        if admission == "open":
            raise ProviderPaused
        connection = self._connection(candidate.provider)
        try:
            async with (
                connection.ask(candidate.upstream_model, request, first_deadline) as body,
                aclosing(read_reply(body, first_deadline, last_deadline)) as events,
            ):
                async for event in events:
                    if admission == "probe":
                        admission = await self._circuits.succeed(name)
                    yield replace(event, model=candidate.model) if isinstance(event, StreamEnd) else event
        except (ModelError, *FAULTS) as fault:
            failure = as_model_error(fault)
            logger.warning("provider %s, model %s: %s: %.300s", name, candidate.model, failure.code, fault)
            if isinstance(failure, ModelUnavailable | ModelTimeout):
                await self._circuits.fail(name, admission)
            elif admission == "probe":
                # It answers, if only to refuse.
                await self._circuits.succeed(name)
            raise failure from fault

    def _connection(self, provider: Provider) -> "Connection":
        from guoxue.llm.connections import Connection

        if provider.name not in self._connections:
            self._connections[provider.name] = Connection(provider)
        return self._connections[provider.name]
