"""Decides how a reply lives: grounding, prompt, model stream, end. The server owns it; sockets only look on."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict, replace
from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db import InterfaceError, OperationalError

from chat import frames, offline
from chat.background import deserves_aftercare
from chat.endings import Outcome, interrupted
from chat.errors import LeaseLost, ReplyRetracted, ServiceRestarting
from chat.models import Message
from chat.queries import final_frame
from chat.services.replies import finish_turn
from chat.services.turns import Turn
from chat.streaming.admission import Admission, Slot
from chat.streaming.enqueueing import enqueue_aftercare
from chat.streaming.flusher import Flusher
from chat.streaming.live import LiveReply
from chat.streaming.preparing import Prepared, prepare_reply
from chat.streaming.record import follow_record
from chat.streaming.screening import open_screens
from guoxue import llm
from guoxue.bridge import in_thread, in_urgent_thread
from guoxue.errors import ApplicationError, ServiceUnavailable

logger = logging.getLogger(__name__)

# How long a stopped reply still waits for the provider's count of tokens.
STOP_USAGE_GRACE_SECONDS = 5.0
CLOSE_ATTEMPTS = 8
DRAIN_CLOSE_SECONDS = 10.0
OFFLINE_PIECE_CHARACTERS = 6
OFFLINE_PIECE_SECONDS = 0.02


class ReplyEngine:
    """The live replies of one process, and the way to start, stop and follow any reply of the service."""

    def __init__(self) -> None:
        self._live: dict[UUID, LiveReply] = {}
        self._pumps: dict[UUID, asyncio.Task[llm.StreamEnd]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._flusher = Flusher(self._live, on_lost=self._lose, on_stop=self._stop_live)
        self._draining = False
        self._sockets: set[Callable[[], Awaitable[None]]] = set()
        self.admission = Admission()
        self._models = llm.ChatModelClient()

    def start(self, turn: Turn, slot: Slot) -> None:
        """Begin to write the reply of an accepted turn; returns at once. The slot is given back when it ends."""
        assert turn.reply is not None
        live = self._live[turn.message_id] = LiveReply(replace(turn, reply=None))
        if turn.reply.continues is not None:
            live.begin_with(turn.reply.continues.text)
        pump = asyncio.create_task(self._pump(live, turn.reply), name=f"pump-{turn.message_id}")
        self._pumps[turn.message_id] = pump
        task = asyncio.create_task(self._run(live, pump), name=f"reply-{turn.message_id}")
        self.track(task)
        task.add_done_callback(lambda _: slot.release())
        self._flusher.ensure_running()

    @property
    def is_draining(self) -> bool:
        """Tell whether this process takes no more questions."""
        return self._draining

    def require_open(self) -> None:
        """Raise ServiceRestarting once this process takes no more questions."""
        if self._draining:
            raise ServiceRestarting

    def track(self, task: asyncio.Task[Any]) -> None:
        """Have a stop wait for a task, such as one that accepts a question; it is held until it ends."""
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def add_socket(self, close: Callable[[], Awaitable[None]]) -> None:
        """Have ``close`` called when this process is about to stop, so that its client goes elsewhere."""
        self._sockets.add(close)

    def remove_socket(self, close: Callable[[], Awaitable[None]]) -> None:
        """Forget a socket that is gone."""
        self._sockets.discard(close)

    async def drain(self) -> None:
        """Take no more questions, send the clients elsewhere, and let the replies end; cut those that take too long.

        A reply that is cut ends as interrupted, with all of its text, so that it can be written on.
        """
        self._draining = True
        await asyncio.gather(*(close() for close in tuple(self._sockets)), return_exceptions=True)
        await self._wait_for_tasks(settings.REPLY_DRAIN_SECONDS)
        for live in tuple(self._live.values()):
            live.interrupted = True
            self._abandon(live)
        await self._wait_for_tasks(DRAIN_CLOSE_SECONDS)
        await self._models.aclose()

    async def _wait_for_tasks(self, seconds: float) -> None:
        """Wait until nothing runs, be it that one task begins another; but no longer than that."""
        deadline = asyncio.get_running_loop().time() + seconds
        while self._tasks and (left := deadline - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait(set(self._tasks), timeout=left, return_when=asyncio.FIRST_COMPLETED)

    def stop(self, message_id: UUID) -> None:
        """Stop the reply if it lives here; elsewhere the recorded request reaches its process with the next flush."""
        live = self._live.get(message_id)
        if live is not None:
            self._stop_live(live)

    async def follow(self, message_id: UUID, last_seq: int) -> AsyncIterator[frames.Frame]:
        """Yield what came after ``last_seq`` and go on until the reply ends; for an ended reply its final frame alone."""
        live = self._live.get(message_id)
        if live is not None:
            async for frame in live.frames_after(last_seq):
                if frame["type"] == "delta":
                    last_seq = frame["data"]["seq"]
                yield frame
            if live.final is not None:
                return
        async for frame in follow_record(message_id, last_seq):
            yield frame

    async def _run(self, live: LiveReply, pump: asyncio.Task[llm.StreamEnd]) -> None:
        message_id = live.turn.message_id
        try:
            outcome = await self._outcome(live, pump)
            if outcome is not None:
                await asyncio.shield(self._close(live, replace(outcome, reasoning=live.reasoning)))
        finally:
            pump.cancel()
            self._live.pop(message_id, None)
            self._pumps.pop(message_id, None)
            # Whatever went wrong, no viewer waits for an end that does not come: the record will have one.
            if not live.ended:
                live.end(None)

    async def _outcome(self, live: LiveReply, pump: asyncio.Task[llm.StreamEnd]) -> Outcome | None:
        """Wait for the pump and say how the reply ended; None when another process has taken it."""
        await asyncio.wait({pump})
        error = asyncio.CancelledError() if pump.cancelled() else pump.exception()
        if isinstance(error, LeaseLost) or (pump.cancelled() and not (live.stopping or live.interrupted)):
            return None
        if error is not None and not isinstance(error, ReplyRetracted):
            error = await _last_look(live) or error
        return _ending(live, error, None if error else pump.result().usage)

    async def _pump(self, live: LiveReply, reply: Message) -> llm.StreamEnd:
        """Prepare the reply, and pass the model's deltas on until its last word."""
        prepared = await in_thread(prepare_reply, reply, lease_token=live.turn.lease_token)
        # Some hundred replies live at once: what they began with is let go while they are written.
        del reply
        live.set_sources([asdict(source) for source in prepared.sources])
        if prepared.model == llm.OFFLINE_MODEL:
            answer = offline.compose_answer(prepared.sources)
            return await _write_offline(live, answer.removeprefix(prepared.written))
        return await self._read_model(live, prepared)

    async def _read_model(self, live: LiveReply, prepared: Prepared) -> llm.StreamEnd:
        screens = open_screens(
            prepared.canary, prepared.checks, user=prepared.reader, message_id=live.turn.message_id
        )
        text, reasoning = screens.text, screens.reasoning
        live.look_last = screens.look_last
        if prepared.written:
            await text.begin_with(prepared.written)
        live.reads_model = True
        events = self._models.stream(
            model=prepared.model,
            messages=prepared.messages,
            max_tokens=live.turn.max_output_tokens,
            temperature=prepared.temperature,
        )
        async with aclosing(events):
            async for event in events:
                if isinstance(event, llm.StreamEnd):
                    live.think(await reasoning.finish())
                    live.append(await text.finish())
                    return event
                if live.stopping:
                    # What comes now is waited for, and paid, for the count of tokens alone.
                    continue
                if isinstance(event, llm.TextDelta):
                    live.append(await text.pass_on(event.text))
                else:
                    live.think(await reasoning.pass_on(event.text))
        raise llm.ModelUnavailable

    async def _close(self, live: LiveReply, outcome: Outcome) -> None:
        """End the reply in the database; keep trying while it does not answer, then leave it to the sweep."""
        live.closing = True
        for attempt in range(CLOSE_ATTEMPTS):
            try:
                frame, is_left = await in_urgent_thread(_finish, live.turn, outcome)
            except (OperationalError, InterfaceError):
                logger.exception("closing reply %s failed, attempt %d", live.turn.message_id, attempt + 1)
                await asyncio.sleep(0.1 * 2**attempt)
            except LeaseLost:
                break
            else:
                live.end(frame)
                if is_left:
                    enqueue_aftercare(live.turn.message_id)
                return

    def _stop_live(self, live: LiveReply) -> None:
        pump = self._pumps.get(live.turn.message_id)
        if live.stopping or pump is None:
            return
        live.stopping = True
        grace = STOP_USAGE_GRACE_SECONDS if live.reads_model and live.pieces else 0.0
        asyncio.get_running_loop().call_later(grace, pump.cancel)

    def _lose(self, live: LiveReply) -> None:
        logger.warning("lost the lease of reply %s", live.turn.message_id)
        self._abandon(live)

    def _abandon(self, live: LiveReply) -> None:
        pump = self._pumps.get(live.turn.message_id)
        if pump is not None:
            pump.cancel()


async def _last_look(live: LiveReply) -> ReplyRetracted | None:
    """Have the end of a reply judged that was cut short; return what takes it back."""
    try:
        if live.look_last is not None:
            await live.look_last()
    except ReplyRetracted as retracted:
        return retracted
    except (OperationalError, InterfaceError):
        # Only the record of a judgement is lost that blocks nothing; the reply must end all the same.
        logger.exception("a judgement of reply %s could not be recorded", live.turn.message_id)
    return None


def _ending(live: LiveReply, error: BaseException | None, usage: llm.Usage | None) -> Outcome:
    """Say how a reply ended."""
    if isinstance(error, ReplyRetracted):
        live.retract()
    elif isinstance(error, asyncio.CancelledError) and live.interrupted:
        return interrupted(live.text)
    elif live.stopping:
        return Outcome(Message.Status.STOPPED, live.text, usage=usage)
    if error is None and (live.text[live.written :].strip() or not live.reads_model):
        return Outcome(Message.Status.COMPLETED, live.text, usage=usage)
    if error is None:
        error = llm.ModelSilent()
    if not isinstance(error, ApplicationError):
        logger.error("reply %s failed", live.turn.message_id, exc_info=error)
        error = ServiceUnavailable("服务内部出错，请重新生成。")
    return Outcome(Message.Status.FAILED, live.text, error_code=error.code, error_message=error.message)


def _finish(turn: Turn, outcome: Outcome) -> tuple[frames.Frame, bool]:
    """End the reply in the database; return its final frame, and whether something is left to do for it."""
    message = finish_turn(message_id=turn.message_id, lease_token=turn.lease_token, outcome=outcome)
    return final_frame(message), deserves_aftercare(message)


async def _write_offline(live: LiveReply, text: str) -> llm.StreamEnd:
    for start in range(0, len(text), OFFLINE_PIECE_CHARACTERS):
        live.append(text[start : start + OFFLINE_PIECE_CHARACTERS])
        await asyncio.sleep(OFFLINE_PIECE_SECONDS)
    return llm.StreamEnd("stop", llm.Usage(0, 0))


_engines: WeakKeyDictionary[asyncio.AbstractEventLoop, ReplyEngine] = WeakKeyDictionary()


def get_engine() -> ReplyEngine:
    """Return the engine of this process's event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _engines:
        _engines[loop] = ReplyEngine()
    return _engines[loop]
