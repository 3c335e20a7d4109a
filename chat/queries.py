"""Reads what the reply engine needs, one call a question: a reply's context, its progress, its final frame."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db.models import Exists, OuterRef

from accounts.models import User
from billing.models import Wallet
from chat import frames
from chat.grounding import Source
from chat.memory import remembered_turns, summary_for
from chat.models import Message, ReplyChunk, Role, Session
from chat.notices import Notice, notice_of
from chat.prompts import PastTurn
from guoxue import llm
from guoxue.rows import PreparedLookup, only_row


@dataclass(frozen=True)
class ReplyContext:
    """All that a reply starts from.

    A continuation starts from what is ``written`` already and from the passages under it.
    """

    reader: User
    role: Role
    model: str
    question: str
    history: tuple[PastTurn, ...]
    summary: str = ""
    written: str = ""
    sources: tuple[Source, ...] | None = None


@dataclass(frozen=True)
class Progress:
    """A reply as another process has recorded it so far; ``final`` once it has ended."""

    notice: Notice | None
    sources: list[frames.Frame]
    pieces: Sequence[tuple[int, str]]
    abandoned: bool
    final: frames.Frame | None


def reply_context(reply: Message) -> ReplyContext:
    """Return what a streaming reply starts from; what was read or written when it began is not read again."""
    assert reply.role is not None and reply.reply_to is not None
    reader, question = reply.session.owner, reply.reply_to.text
    turns = tuple(remembered_turns(reply, limit=reply.role.memory_turns))
    context = ReplyContext(reader, reply.role, reply.model, question, turns, summary_for(reply, reply.role))
    if reply.continues is None:
        return context
    sources = tuple(Source(**source) for source in reply.continues.sources)
    return replace(context, written=reply.continues.text, sources=sources)


_session_asked = PreparedLookup(
    lambda user, session_id, client_message_id: (
        Session.objects.owned_by(user)
        .filter(id=session_id)
        .annotate(
            is_known=Exists(
                Message.objects.filter(session_id=OuterRef("id"), client_message_id=client_message_id)
            )
        )
        .select_related("role")
        .only("role__model")
        .order_by()
    )
)


def model_of_turn(
    user: User,
    session_id: uuid.UUID,
    client_message_id: uuid.UUID,
    role_id: int | None,
    continues: uuid.UUID | None,
) -> tuple[str, bool]:
    """Return which model answers a request, and whether it was accepted before."""
    session = _session_asked.row(user=user.id, session_id=session_id, client_message_id=client_message_id)
    if session is None:
        return llm.default_model(), False
    role: Role | None = session.role
    if continues is not None:
        continued = only_row(Message.objects.filter(session=session, id=continues).select_related("role"))
        role = continued.role if continued else None
    elif role_id is not None:
        role = Role.objects.filter(id=role_id).first()
    model = role.model if role else ""
    return model or llm.default_model(), session.is_known  # type: ignore[attr-defined]


def reply_progress(message_id: uuid.UUID, after_seq: int) -> Progress | None:
    """Read what has been recorded of a reply after ``after_seq``; None when the reply is gone."""
    pieces = list(
        ReplyChunk.objects.filter(message_id=message_id, seq__gt=after_seq)
        .order_by("seq")
        .values_list("seq", "text")
    )
    message = only_row(Message.objects.select_related("role").filter(id=message_id))
    if message is None:
        return None
    final = None if message.status == Message.Status.STREAMING else final_frame(message)
    abandoned = final is None and Message.objects.abandoned().filter(id=message_id).exists()
    told = notice_of(message.notice, message.role.name) if message.role and after_seq == 0 else None
    return Progress(told, message.sources, pieces, abandoned, final)


_wallet_of = PreparedLookup(lambda user: Wallet.objects.for_user(user).order_by())


def final_frame(message: Message) -> frames.Frame:
    """Build the ``ai_response`` frame of a reply that has ended, with the reader's balance as of now."""
    wallet = _wallet_of.row(user=message.owner_id)
    balance_micros = wallet.available_micros if wallet else 0
    return frames.ai_response(message, balance_micros=balance_micros)


def owned_reply(user: User, session_id: uuid.UUID, message_id: uuid.UUID) -> Message | None:
    """Find a reply in the user's own session."""
    replies = Message.objects.owned_by(user).filter(author=Message.Author.ASSISTANT)
    return only_row(replies.filter(id=message_id, session_id=session_id))


def session_of_reply(user: User, message_id: uuid.UUID) -> uuid.UUID | None:
    """Find the session of the user's own in which a reply stands."""
    replies = Message.objects.owned_by(user).filter(id=message_id, author=Message.Author.ASSISTANT)
    return replies.values_list("session_id", flat=True).first()
