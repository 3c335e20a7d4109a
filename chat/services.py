"""Decides how turns begin, stream and end: every write of the conversation, each a whole transaction."""

import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from accounts.errors import AccountDisabled
from accounts.models import User
from billing.services import hold_credit
from chat import errors
from chat.endings import Outcome, close_reply, interrupt_reply
from chat.grounding import Source
from chat.models import Message, ReplyChunk, Role, Session
from chat.verdicts import verdicts_on
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


def create_session(*, user: User, role_id: int | None = None) -> Session:
    """Open a session with the given role, or with the first offered one.

    Raises RoleNotFound.
    """
    return Session.objects.create(owner=user, role=_offered_role(role_id))


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
        session = _locked_session(user, session_id)
        known = session.messages.filter(client_message_id=client_message_id).first()
        if known is not None:
            return _known_turn(session, known, text=text)
        _require_idle(session)
        role = session.role if role_id is None else _offered_role(role_id)
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
        session = _locked_session(user, session_id)
        known = session.messages.filter(client_message_id=client_message_id).first()
        if known is not None:
            return _known_turn(session, known, regenerated=message_id)
        earlier = session.messages.filter(id=message_id, author=Message.Author.ASSISTANT).first()
        if earlier is None or earlier.reply_to is None:
            raise errors.MessageNotFound
        _require_idle(session)
        question = earlier.reply_to
        newest = session.messages.filter(author=Message.Author.READER).aggregate(at=Max("created_at"))["at"]
        if question.created_at != newest:
            raise errors.NotRegenerable
        turn = _start_reply(session, question, session.role, client_message_id, client_id_on_reply=True)
        Session.objects.filter(id=session.id).update(last_message_at=Now())
    return turn


def record_grounding(
    *, message_id: uuid.UUID, lease_token: uuid.UUID, sources: Sequence[Source], prompt_tokens: int
) -> None:
    """Save what the reply rests on before the first token. Raises LeaseLost."""
    updated = Message.objects.filter(id=message_id, lease_token=lease_token).update(
        sources=[asdict(source) for source in sources], prompt_tokens=prompt_tokens
    )
    if not updated:
        raise errors.LeaseLost


def flush_pieces(*, lease_tokens: Sequence[uuid.UUID], pieces: Sequence[Piece]) -> FlushResult:
    """Renew the leases and save the pieces of the replies that they still hold, in one transaction.

    A reply whose lease was lost gets no chunk: the row lock of the renewal fences this process off.
    """
    with transaction.atomic(durable=True):
        held = Message.objects.streaming().filter(lease_token__in=lease_tokens)
        rows = list(held.select_for_update(no_key=True).order_by("id").values_list("id", "stop_requested_at"))
        kept = frozenset(message_id for message_id, _ in rows)
        Message.objects.filter(id__in=kept).update(lease_expires_at=_lease_end())
        # A piece may come twice where the answer to an earlier commit was lost.
        ReplyChunk.objects.bulk_create(
            (
                ReplyChunk(message_id=piece.message_id, seq=piece.seq, text=piece.text)
                for piece in pieces
                if piece.message_id in kept
            ),
            ignore_conflicts=True,
        )
    return FlushResult(kept, frozenset(message_id for message_id, stop in rows if stop is not None))


def finish_turn(*, message_id: uuid.UUID, lease_token: uuid.UUID, outcome: Outcome) -> Message:
    """End a reply: final text, verdicts on its quotations, usage, the hold settled, the chunks dropped.

    Exactly once: raises LeaseLost when the lease is gone. Locks the message, then the wallet and the hold.
    """
    quotes = verdicts_on(outcome.text)
    with transaction.atomic(durable=True):
        message = (
            Message.objects.streaming()
            .select_for_update(no_key=True)
            .filter(id=message_id, lease_token=lease_token)
            .first()
        )
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
        message = (
            Message.objects.abandoned()
            .select_for_update(no_key=True, skip_locked=True)
            .filter(id=message_id)
            .first()
        )
        if message is None:
            return False
        interrupt_reply(message, saved, quotes)
    return True


def delete_session(*, user: User, session_id: uuid.UUID) -> None:
    """Delete a session with its messages. Raises SessionNotFound, and ReplyInProgress while a reply streams."""
    with transaction.atomic(durable=True):
        session = _locked_session(user, session_id)
        _require_idle(session)
        session.delete()


def _check_text(text: str) -> None:
    if not any(character.isprintable() and not character.isspace() for character in text):
        raise errors.MessageEmpty(fields={"message": [errors.MessageEmpty.message]})
    if len(text) > settings.MESSAGE_MAX_CHARACTERS:
        reason = f"消息有 {len(text)} 字，最多 {settings.MESSAGE_MAX_CHARACTERS} 字，请精简后再发送。"
        raise errors.MessageTooLong(reason, fields={"message": [reason]})


def _locked_session(user: User, session_id: uuid.UUID) -> Session:
    session = (
        Session.objects.owned_by(user)
        .select_for_update(no_key=True, of=("self",))
        .select_related("role")
        .filter(id=session_id)
        .first()
    )
    if session is None:
        raise errors.SessionNotFound
    if not User.objects.filter(id=user.id, is_active=True).exists():
        raise AccountDisabled
    return session


def _offered_role(role_id: int | None) -> Role:
    roles = Role.objects.offered()
    role = roles.first() if role_id is None else roles.filter(id=role_id).first()
    if role is None:
        raise errors.RoleNotFound
    return role


def _require_idle(session: Session) -> None:
    """Make sure that no reply of the session streams; one that its process has abandoned is interrupted first."""
    streaming = session.messages.streaming().select_for_update(no_key=True).first()
    if streaming is None:
        return
    if not Message.objects.abandoned().filter(id=streaming.id).exists():
        raise errors.ReplyInProgress
    saved = "".join(streaming.chunks.order_by("seq").values_list("text", flat=True))
    interrupt_reply(streaming, saved, verdicts_on(saved))


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
        lease_expires_at=_lease_end(),
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


def _lease_end() -> Combinable:
    return Now() + timedelta(seconds=settings.REPLY_LEASE_SECONDS)


def _title_from(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TITLE_CHARACTERS else line[: TITLE_CHARACTERS - 1] + "…"
