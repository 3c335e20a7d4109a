"""Decides how turns begin: a question is accepted, its reply started and paid for, in one transaction."""

import uuid
from dataclasses import dataclass, replace

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import User
from billing.services import hold_credit
from chat import errors
from chat.models import Message, Role, Session
from chat.moderation.judging import Direction, Judgement, weightiest
from chat.moderation.panel import judge_text
from chat.notices import Notice
from chat.prompts import continuation_budget
from chat.services.acquaintances import meet_persona
from chat.services.moderation import record_judgements, refuse_blocked
from chat.services.replies import lease_end, require_idle
from chat.services.sessions import available_role, locked_session, require_passed
from guoxue import llm
from guoxue.rows import PreparedLookup

TITLE_CHARACTERS = 20
_UNFINISHED = (Message.Status.STOPPED, Message.Status.INTERRUPTED, Message.Status.FAILED)
_known = PreparedLookup(
    lambda user, session_id, client_message_id: (
        Message.objects.owned_by(user)
        .filter(session_id=session_id, client_message_id=client_message_id)
        .only("id")
        .order_by()
    )
)
_in_the_way = PreparedLookup(
    lambda session_id, client_message_id: (
        Message.objects.filter(session_id=session_id)
        .filter(Q(client_message_id=client_message_id) | Q(status=Message.Status.STREAMING))
        .order_by()
    )
)


@dataclass(frozen=True)
class Turn:
    """An accepted turn. ``created`` is false when the same request had been accepted before.

    ``notice`` is what the reader of a persona must be told before its reply, ``reply`` the row of a new one.
    """

    session_id: uuid.UUID
    client_message_id: uuid.UUID
    user_message_id: uuid.UUID
    message_id: uuid.UUID
    lease_token: uuid.UUID
    max_output_tokens: int
    created: bool
    title: str | None = None
    notice: Notice | None = None
    reply: Message | None = None


def begin_turn(
    *,
    user: User,
    session_id: uuid.UUID,
    text: str,
    client_message_id: uuid.UUID,
    role_id: int | None = None,
    edit_of: uuid.UUID | None = None,
) -> Turn:
    """Accept a question: save it, create its streaming reply under a lease, and hold the worst-case price.

    It follows the branch that the reader sees; with ``edit_of`` it takes the place of that question, as another
    version of it, and begins a branch. Idempotent by ``(session, client_message_id)``: a resend returns the same turn
    and buys nothing. Moderation comes before the transaction, as it may wait for the network. Locks the session, then
    the wallet. Raises MessageEmpty, MessageTooLong, ContentBlocked, ModerationUnavailable, SessionNotFound,
    RoleNotFound, RoleNotPassed, MessageNotFound, ReplyInProgress, ClientMessageIdReused, and billing's InsufficientCredit and
    ModelNotPriced; nothing is saved then, but a record of what was blocked.
    """
    _check_text(text)
    judgements = _moderated(user, session_id, client_message_id, text)
    with transaction.atomic(durable=True):
        session = locked_session(user, session_id)
        known = _known_or_idle(session, client_message_id)
        if known is not None:
            return _known_turn(session, known, text=text)
        role = session.role if role_id is None else available_role(user, role_id)
        question = Message.objects.create(
            session=session,
            author=Message.Author.READER,
            status=Message.Status.COMPLETED,
            text=text,
            client_message_id=client_message_id,
            parent_id=_parent_of(session, edit_of),
            created_at=Now(),
            finished_at=Now(),
        )
        record_judgements(judgements, direction=Direction.INPUT, user=user, message_id=question.id)
        title = None if session.title else _title_from(text)
        session.role, session.title = role, title or session.title
        turn = _start_reply(session, question, role, client_message_id)
    return replace(turn, title=title)


def begin_regeneration(
    *, user: User, session_id: uuid.UUID, message_id: uuid.UUID, client_message_id: uuid.UUID
) -> Turn:
    """Reply once more to the question that ``message_id`` answered; the earlier reply stays as a version.

    Idempotent by ``(session, client_message_id)``. Raises what ``begin_turn`` raises, and MessageNotFound.
    """
    with transaction.atomic(durable=True):
        session = locked_session(user, session_id)
        known = _known_or_idle(session, client_message_id)
        if known is not None:
            return _known_turn(session, known, regenerated=message_id)
        _earlier, question = _answered(session, message_id)
        return _start_reply(session, question, session.role, client_message_id, client_id_on_reply=True)


def begin_continuation(
    *, user: User, session_id: uuid.UUID, message_id: uuid.UUID, client_message_id: uuid.UUID
) -> Turn:
    """Write on where a reply was stopped or broke off, in a new version that begins with what was written.

    Idempotent by ``(session, client_message_id)``. Raises what ``begin_turn`` raises, MessageNotFound, and
    NotContinuable for a reply that is complete or has no text.
    """
    with transaction.atomic(durable=True):
        session = locked_session(user, session_id)
        known = _known_or_idle(session, client_message_id)
        if known is not None:
            return _known_turn(session, known, continued=message_id)
        earlier, question = _answered(session, message_id)
        if earlier.status not in _UNFINISHED or not earlier.text or earlier.flag == Message.Flag.BLOCKED:
            raise errors.NotContinuable
        return _start_reply(
            session,
            question,
            earlier.role or session.role,
            client_message_id,
            client_id_on_reply=True,
            continues=earlier,
        )


def _parent_of(session: Session, edit_of: uuid.UUID | None) -> uuid.UUID | None:
    """Return the reply that a new question follows: the end of the branch, or what the edited question followed."""
    if edit_of is None:
        return session.leaf_id
    edited = session.messages.filter(id=edit_of, author=Message.Author.READER).first()
    if edited is None:
        raise errors.MessageNotFound
    return edited.parent_id


def _answered(session: Session, reply_id: uuid.UUID) -> tuple[Message, Message]:
    """Return a reply of the session, and its question."""
    reply = session.messages.filter(id=reply_id, author=Message.Author.ASSISTANT).first()
    if reply is None or reply.reply_to is None:
        raise errors.MessageNotFound
    return reply, reply.reply_to


def _check_text(text: str) -> None:
    if not any(character.isprintable() and not character.isspace() for character in text):
        raise errors.MessageEmpty(fields={"message": [errors.MessageEmpty.message]})
    if len(text) > settings.MESSAGE_MAX_CHARACTERS:
        reason = f"消息有 {len(text)} 字，最多 {settings.MESSAGE_MAX_CHARACTERS} 字，请精简后再发送。"
        raise errors.MessageTooLong(reason, fields={"message": [reason]})


def _moderated(
    user: User, session_id: uuid.UUID, client_message_id: uuid.UUID, text: str
) -> tuple[Judgement, ...]:
    """Return what moderation has to say of a question that it lets pass; one that was accepted before is not asked about."""
    known = _known.row(user=user.id, session_id=session_id, client_message_id=client_message_id)
    if known is not None:
        return ()
    judgements = judge_text(text, direction=Direction.INPUT, user=user)
    if weightiest(judgements).blocks:
        record_judgements(judgements, direction=Direction.INPUT, user=user)
        refuse_blocked(judgements)
    return judgements


def _known_or_idle(session: Session, client_message_id: uuid.UUID) -> Message | None:
    """Return the message that the same request brought before; for a new one make sure that no reply streams."""
    found = _in_the_way.rows(session_id=session.id, client_message_id=client_message_id)
    known = next((each for each in found if each.client_message_id == client_message_id), None)
    if found and known is None:
        require_idle(session)
    return known


def _known_turn(
    session: Session,
    known: Message,
    *,
    text: str | None = None,
    regenerated: uuid.UUID | None = None,
    continued: uuid.UUID | None = None,
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
        and reply.continues_id is None
        and session.messages.filter(id=regenerated, reply_to=question).exists()
    )
    continued_again = continued is not None and reply is known and reply.continues_id == continued
    if question is None or reply is None or not (asked_again or generated_again or continued_again):
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
    continues: Message | None = None,
) -> Turn:
    """Create the streaming reply as the new end of the branch, and hold its price; a step under the session's lock.

    Locks the acquaintance with a persona before the wallet. Raises RoleNotPassed.
    """
    require_passed(role)
    model = role.model or llm.default_model()
    lease_token = uuid.uuid4()
    reply = Message.objects.create(
        session=session,
        author=Message.Author.ASSISTANT,
        status=Message.Status.STREAMING,
        client_message_id=client_message_id if client_id_on_reply else None,
        reply_to=question,
        continues=continues,
        role=role,
        model=model,
        lease_token=lease_token,
        lease_expires_at=lease_end(),
        created_at=Now(),
    )
    Session.objects.filter(id=session.id).update(
        leaf=reply, last_message_at=Now(), role=session.role, title=session.title
    )
    notice = _meet(session.owner, role, reply)
    hold = hold_credit(
        key=reply.hold_key,
        user=session.owner,
        model=model,
        prompt_tokens=role.prompt_budget_tokens + continuation_budget(continues.text if continues else ""),
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
        notice=notice,
        reply=reply,
    )


def _meet(reader: User, role: Role, reply: Message) -> Notice | None:
    """Return what the reader must be told before this reply, and write down that they were."""
    if not role.is_persona:
        return None
    reply.refresh_from_db(fields=("created_at",))
    notice = meet_persona(user=reader, role=role, moment=reply.created_at)
    if notice is not None:
        reply.notice = notice.kind
        reply.save(update_fields=("notice",))
    return notice


def _title_from(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TITLE_CHARACTERS else line[: TITLE_CHARACTERS - 1] + "…"
