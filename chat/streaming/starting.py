"""Decides what happens between a request and its reply: a slot, the turn in the database, the engine."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from accounts.models import User
from chat.queries import model_of_turn
from chat.services.turns import Turn
from chat.streaming.admission import OnPosition
from chat.streaming.engine import get_engine
from guoxue.bridge import in_thread


@dataclass(frozen=True)
class Request:
    """What a client asks for; ``begin`` is the service that accepts it."""

    user: User
    session_id: uuid.UUID
    client_message_id: uuid.UUID
    begin: Callable[[], Turn]
    role_id: int | None = None


async def start_turn(request: Request, on_position: OnPosition = lambda position: None) -> Turn:
    """Accept the request and have its reply written; return the turn once it is in the database.

    Where the model is busy the request waits before anything is saved or held, and ``on_position`` is told its place
    in the line. One that was accepted before waits for nothing. Raises ServiceSaturated, ServiceRestarting, and what
    ``begin`` raises.
    """
    engine = get_engine()
    engine.require_open()
    model = await in_thread(
        model_of_turn, request.user, request.session_id, request.client_message_id, request.role_id
    )
    if model is None:
        return await in_thread(request.begin)
    async with engine.admission.slot(model, reader_id=request.user.id, on_position=on_position) as slot:
        engine.require_open()
        turn = await in_thread(request.begin)
        if turn.created:
            engine.start(turn, slot.keep())
    return turn
