"""Decides how a streaming reply is written down and how it ends: each a whole transaction."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

import orjson
from django.conf import settings
from django.db import connection, transaction
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from accounts.models import User
from chat import errors
from chat.endings import Outcome, close_reply, interrupted
from chat.grounding import Source
from chat.models import Message, ReplyChunk, Session
from chat.verdicts import verdicts_on
from guoxue.rows import PreparedLookup, only_row


@dataclass(frozen=True)
class Piece:
    """One numbered piece of a streaming reply, to be saved."""

    message_id: uuid.UUID
    seq: int
    text: str


@dataclass(frozen=True)
class FlushResult:
    """Which leases still hold after a flush, and which of their replies are to stop."""

    kept: frozenset[uuid.UUID] = field(default_factory=frozenset)
    stop_requested: frozenset[uuid.UUID] = field(default_factory=frozenset)


def record_grounding(
    *, message_id: uuid.UUID, lease_token: uuid.UUID, sources: Sequence[Source], prompt_tokens: int
) -> None:
    """Save what the reply rests on before the first token. Raises LeaseLost."""
    updated = Message.objects.filter(id=message_id, lease_token=lease_token).update(
        sources=[asdict(source) for source in sources], prompt_tokens=prompt_tokens
    )
    if not updated:
        raise errors.LeaseLost


# Hundreds of replies, with thousands of pieces: the ORM would take long over so many objects, and hold up the event loop.
_FLUSH = """
    WITH held AS (
        SELECT id, stop_requested_at FROM chat_message
        WHERE status = 'streaming' AND lease_token = ANY(%(lease_tokens)s)
        ORDER BY id FOR NO KEY UPDATE
    ), renewed AS (
        UPDATE chat_message SET lease_expires_at = statement_timestamp() + %(lease)s
        FROM held WHERE chat_message.id = held.id
    ), saved AS (
        INSERT INTO chat_replychunk (message_id, seq, text)
        SELECT piece.message_id, piece.seq, piece.text
        FROM json_to_recordset(%(pieces)s) AS piece (message_id uuid, seq integer, text text)
        JOIN held ON held.id = piece.message_id
        ON CONFLICT DO NOTHING
    )
    SELECT id, stop_requested_at IS NOT NULL FROM held
"""


def flush_pieces(*, lease_tokens: Sequence[uuid.UUID], pieces: Sequence[Piece]) -> FlushResult:
    """Renew the leases and save the pieces of the replies that they still hold, in one statement.

    A reply whose lease was lost gets no chunk: the row lock of the renewal fences this process off. A piece may come
    twice, where the answer to an earlier flush was lost.
    """
    parameters: dict[str, Any] = {
        "lease_tokens": list(lease_tokens),
        "lease": timedelta(seconds=settings.REPLY_LEASE_SECONDS),
        "pieces": orjson.dumps(pieces).decode(),
    }
    with connection.cursor() as cursor:
        cursor.execute(_FLUSH, parameters)
        rows = cursor.fetchall()
    kept = frozenset(message_id for message_id, _ in rows)
    return FlushResult(kept, frozenset(message_id for message_id, must_stop in rows if must_stop))


_held_reply = PreparedLookup(
    lambda message_id, lease_token: (
        Message.objects.streaming()
        .filter(id=message_id, lease_token=lease_token)
        .select_related("role")
        .to_be_ended()
        .order_by()
    )
)


def finish_turn(*, message_id: uuid.UUID, lease_token: uuid.UUID, outcome: Outcome) -> Message:
    """End a reply: final text, verdicts on its quotations, usage, the hold settled, the chunks dropped.

    Exactly once: raises LeaseLost when the lease is gone. Locks the message, then the wallet and the hold.
    """
    quotes = verdicts_on(outcome.text)
    with transaction.atomic(durable=True):
        message = _held_reply.row(message_id=message_id, lease_token=lease_token)
        if message is None:
            raise errors.LeaseLost
        close_reply(message, outcome, quotes)
    return message


def request_stop(*, user: User, message_id: uuid.UUID) -> Message:
    """Ask whichever process owns the reply to stop it; asking for an ended reply changes nothing.

    Raises MessageNotFound.
    """
    message = Message.objects.owned_by(user).filter(id=message_id, author=Message.Author.ASSISTANT).first()
    if message is None:
        raise errors.MessageNotFound
    Message.objects.streaming().filter(id=message_id, stop_requested_at=None).update(stop_requested_at=Now())
    return message


def interrupt_abandoned_reply(*, message_id: uuid.UUID) -> bool:
    """Turn a reply whose lease ran out into ``interrupted`` with the text that was saved; tell whether it was one."""
    saved = "".join(
        ReplyChunk.objects.filter(message_id=message_id).order_by("seq").values_list("text", flat=True)
    )
    quotes = verdicts_on(saved)
    with transaction.atomic(durable=True):
        message = only_row(Message.objects.abandoned().filter(id=message_id).to_be_ended(skip_locked=True))
        if message is None:
            return False
        close_reply(message, interrupted(saved), quotes)
    return True


def require_idle(session: Session) -> None:
    """Make sure that no reply of the session streams; one that its process has abandoned is interrupted first."""
    streaming = only_row(session.messages.streaming().to_be_ended())
    if streaming is None:
        return
    if not Message.objects.abandoned().filter(id=streaming.id).exists():
        raise errors.ReplyInProgress
    saved = "".join(streaming.chunks.order_by("seq").values_list("text", flat=True))
    close_reply(streaming, interrupted(saved), verdicts_on(saved))


def lease_end() -> Combinable:
    """Return when a lease that is taken or renewed now runs out, by the clock of the database."""
    return Now() + timedelta(seconds=settings.REPLY_LEASE_SECONDS)
