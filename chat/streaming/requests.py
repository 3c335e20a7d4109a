"""Decides what a client may ask a reply for: a question, another version of a reply, the rest of one that broke off."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from accounts.models import User
from chat.services.turns import Turn, begin_continuation, begin_regeneration, begin_turn


@dataclass(frozen=True)
class Request:
    """What a client asks for; ``begin`` is the service that accepts it."""

    user: User
    session_id: uuid.UUID
    client_message_id: uuid.UUID
    begin: Callable[[], Turn]
    role_id: int | None = None
    continues: uuid.UUID | None = None


def question(
    user: User,
    session_id: uuid.UUID,
    *,
    message: str,
    client_message_id: uuid.UUID,
    role_id: int | None = None,
    edit_of: uuid.UUID | None = None,
) -> Request:
    """Ask something new, or, with ``edit_of``, in place of an earlier question."""
    begin = partial(
        begin_turn,
        user=user,
        session_id=session_id,
        text=message,
        client_message_id=client_message_id,
        role_id=role_id,
        edit_of=edit_of,
    )
    return Request(user, session_id, client_message_id, begin, role_id=role_id)


def regeneration(
    user: User, session_id: uuid.UUID, *, message_id: uuid.UUID, client_message_id: uuid.UUID
) -> Request:
    """Ask for another version of a reply."""
    begin = partial(
        begin_regeneration,
        user=user,
        session_id=session_id,
        message_id=message_id,
        client_message_id=client_message_id,
    )
    return Request(user, session_id, client_message_id, begin)


def continuation(
    user: User, session_id: uuid.UUID, *, message_id: uuid.UUID, client_message_id: uuid.UUID
) -> Request:
    """Ask for the rest of a reply that broke off."""
    begin = partial(
        begin_continuation,
        user=user,
        session_id=session_id,
        message_id=message_id,
        client_message_id=client_message_id,
    )
    return Request(user, session_id, client_message_id, begin, continues=message_id)
