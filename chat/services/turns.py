"""Decides how turns begin: a question is accepted, its reply started and paid for, in one transaction."""

import uuid
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.db.models.functions import Now

from accounts.models import User
from billing.services import hold_credit
from chat import errors
from chat.models import Message, Role, Session
from chat.services.replies import lease_end, require_idle
from chat.services.sessions import locked_session, offered_role
from guoxue import llm

TITLE_CHARACTERS = 20


@dataclass(frozen=True)
class Turn:
    """An accepted turn. ``created`` is false when the same request had been accepted before."""

    session_id: uuid.UUID
    client_message_id: uuid.UUID
    user_message_id: uuid.UUID
    message_id: uuid.UUID
    lease_token: uuid.UUID
    max_output_tokens: int
    created: bool
    title: str | None = None


def begin_turn(
    *,
    user: User,
    session_id: uuid.UUID,
    text: str,
    client_message_id: uuid.UUID,
    role_id: int | None = None,
) -> Turn:
    """Accept a question: save it, create its streaming reply under a lease, and hold the worst-case price.

    Idempotent by ``(session, client_message_id)``: a resend returns the same turn and buys nothing. Locks the session,
    then the wallet. Raises MessageEmpty, MessageTooLong, SessionNotFound, RoleNotFound, ReplyInProgress,
    ClientMessageIdReused, and billing's InsufficientCredit and ModelNotPriced; nothing is saved then.
    """
    _check_text(text)
    with transaction.atomic(durable=True):
        session = locked_session(user, session_id)
        known = session.messages.filter(client_message_id=client_message_id).first()
        if known is not None:
            return _known_turn(session, known, text=text)
        require_idle(session)
        role = session.role if role_id is None else offered_role(role_id)
        question = Message.objects.create(
            session=session,
            author=Message.Author.READER,
            status=Message.Status.COMPLETED,
            text=text,
            client_message_id=client_message_id,
            created_at=Now(),
            finished_at=Now(),
        )
        turn = _start_reply(session, question, role, client_message_id)
        title = None if session.title else _title_from(text)
        Session.objects.filter(id=session.id).update(
            role=role, title=title or session.title, last_message_at=Now()
        )
    return replace(turn, title=title)


def begin_regeneration(
    *, user: User, session_id: uuid.UUID, message_id: uuid.UUID, client_message_id: uuid.UUID
) -> Turn:
    """Reply once more to the question that ``message_id`` answered; the earlier reply stays as a version.

    Idempotent by ``(session, client_message_id)``. Raises what ``begin_turn`` raises, and MessageNotFound and
    NotRegenerable (only the newest question can be answered again).
    """
    with transaction.atomic(durable=True):
        session = locked_session(user, session_id)
        known = session.messages.filter(client_message_id=client_message_id).first()
        if known is not None:
            return _known_turn(session, known, regenerated=message_id)
        earlier = session.messages.filter(id=message_id, author=Message.Author.ASSISTANT).first()
        if earlier is None or earlier.reply_to is None:
            raise errors.MessageNotFound
        require_idle(session)
        question = earlier.reply_to
        newest = session.messages.filter(author=Message.Author.READER).aggregate(at=Max("created_at"))["at"]
        if question.created_at != newest:
            raise errors.NotRegenerable
        turn = _start_reply(session, question, session.role, client_message_id, client_id_on_reply=True)
        Session.objects.filter(id=session.id).update(last_message_at=Now())
    return turn


def _check_text(text: str) -> None:
    if not any(character.isprintable() and not character.isspace() for character in text):
        raise errors.MessageEmpty(fields={"message": [errors.MessageEmpty.message]})
    if len(text) > settings.MESSAGE_MAX_CHARACTERS:
        reason = f"消息有 {len(text)} 字，最多 {settings.MESSAGE_MAX_CHARACTERS} 字，请精简后再发送。"
        raise errors.MessageTooLong(reason, fields={"message": [reason]})


def _known_turn(
    session: Session, known: Message, *, text: str | None = None, regenerated: uuid.UUID | None = None
) -> Turn:
    """Return the turn that an earlier request with the same id began; other content under that id is a conflict."""
    question = known if known.author == Message.Author.READER else known.reply_to
    reply = (
        known if known.author == Message.Author.ASSISTANT else known.replies.order_by("created_at").first()
    )
    asked_again = question is known and text == known.text
    generated_again = (
        regenerated is not None
        and reply is known
        and session.messages.filter(id=regenerated, reply_to=question).exists()
    )
    if question is None or reply is None or not (asked_again or generated_again):
        raise errors.ClientMessageIdReused
    return Turn(
        session_id=session.id,
        client_message_id=known.client_message_id or reply.id,
        user_message_id=question.id,
        message_id=reply.id,
        lease_token=reply.lease_token or uuid.UUID(int=0),
        max_output_tokens=0,
        created=False,
    )


def _start_reply(
    session: Session,
    question: Message,
    role: Role,
    client_message_id: uuid.UUID,
    *,
    client_id_on_reply: bool = False,
) -> Turn:
    model = llm.default_model()
    lease_token = uuid.uuid4()
    reply = Message.objects.create(
        session=session,
        author=Message.Author.ASSISTANT,
        status=Message.Status.STREAMING,
        client_message_id=client_message_id if client_id_on_reply else None,
        reply_to=question,
        role=role,
        model=model,
        lease_token=lease_token,
        lease_expires_at=lease_end(),
        created_at=Now(),
    )
    hold = hold_credit(
        key=reply.hold_key,
        user=session.owner,
        model=model,
        prompt_tokens=role.prompt_budget_tokens,
        max_output_tokens=role.max_output_tokens,
    )
    return Turn(
        session_id=session.id,
        client_message_id=client_message_id,
        user_message_id=question.id,
        message_id=reply.id,
        lease_token=lease_token,
        max_output_tokens=hold.max_output_tokens,
        created=True,
    )


def _title_from(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TITLE_CHARACTERS else line[: TITLE_CHARACTERS - 1] + "…"
