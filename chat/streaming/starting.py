"""Decides what happens between a request and its reply: a slot, the turn in the database, the engine."""

import asyncio
import logging

from chat import frames
from chat.queries import model_of_turn
from chat.services.turns import Turn
from chat.streaming.admission import OnPosition, Slot
from chat.streaming.engine import get_engine
from chat.streaming.hints import get_board
from chat.streaming.requests import Request
from guoxue.bridge import in_thread
from guoxue.errors import ApplicationError

logger = logging.getLogger(__name__)


class _Start:
    """One request on its way; it goes on without its client, but for a client that is gone nobody stands in line."""

    def __init__(self, request: Request, on_position: OnPosition) -> None:
        self._request = request
        self._on_position = on_position
        self._in_line = self._is_alone = False
        self._task = asyncio.create_task(self._run(), name=f"start-{request.client_message_id}")
        get_engine().track(self._task)

    async def turn(self) -> Turn:
        try:
            return await asyncio.shield(self._task)
        except asyncio.CancelledError:
            self._is_alone = True
            if self._in_line:
                self._task.cancel()
            self._task.add_done_callback(_log_unexpected)
            raise

    async def _run(self) -> Turn:
        request, engine = self._request, get_engine()
        model, is_known = await in_thread(
            model_of_turn,
            request.user,
            request.session_id,
            request.client_message_id,
            request.role_id,
            request.continues,
        )
        if is_known:
            return self._started(await in_thread(request.begin), engine.admission.take(model))
        async with engine.admission.slot(model, reader_id=request.user.id, on_position=self._wait) as slot:
            self._in_line = False
            engine.require_open()
            return self._started(await in_thread(request.begin), slot.keep())

    def _started(self, turn: Turn, slot: Slot) -> Turn:
        """Have the reply of a new turn written, and all viewers told; a known one needs no slot."""
        if turn.created:
            get_engine().start(turn, slot)
            get_board().publish(self._request.session_id, accepted_frame(turn))
        else:
            slot.release()
        return turn

    def _wait(self, position: int) -> None:
        if self._is_alone:
            self._task.cancel()
            return
        self._in_line = True
        self._on_position(position)


def _log_unexpected(task: asyncio.Task[Turn]) -> None:
    """Look at how a request ended whose client is gone: a refusal concerns nobody any more."""
    error = None if task.cancelled() else task.exception()
    if error is not None and not isinstance(error, ApplicationError):
        logger.error("a request failed after its client had gone", exc_info=error)


async def start_turn(request: Request, on_position: OnPosition = lambda position: None) -> Turn:
    """Accept the request and have its reply written; return the turn once it is in the database.

    Where the model is busy the request waits before anything is saved or held, and ``on_position`` is told its place
    in the line; one that was accepted before waits for nothing. All viewers of the session are told of a new reply.
    A caller that is cancelled gives its place in the line up; what waits for nothing is accepted all the same.
    Raises ServiceSaturated, ServiceRestarting, and what ``begin`` raises.
    """
    get_engine().require_open()
    return await _Start(request, on_position).turn()


def accepted_frame(turn: Turn) -> frames.Frame:
    """Return the frame by which viewers hear of a turn."""
    return frames.accepted(
        client_message_id=turn.client_message_id,
        user_message_id=turn.user_message_id,
        message_id=turn.message_id,
    )
