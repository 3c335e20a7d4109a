"""Decides how sessions open, change and close, and who may lock one."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models.functions import Now

from accounts.errors import AccountDisabled
from accounts.models import User
from chat import errors
from chat.branches import leaf_below
from chat.models import ConversationSummary, Message, Role, Session
from chat.services.replies import require_idle
from guoxue.rows import PreparedLookup

_DELETED_AT_ONCE = 20
_WAITING = "这个角色正在等待审核，通过后就能使用；请先换一个角色。"
_REFUSED = "这个角色没有通过审核，请修改后重新提交，或换一个角色。"
_own_session = PreparedLookup(
    lambda user, session_id: (
        Session.objects.owned_by(user)
        .filter(id=session_id)
        .select_related("role")
        .select_for_update(no_key=True, of=("self",))
        .order_by()
    )
)
_active_user = PreparedLookup(lambda user_id: User.objects.filter(id=user_id, is_active=True).order_by())


@dataclass(frozen=True)
class Cleared:
    """How many sessions went, and how many stayed because a reply began in them meanwhile."""

    deleted: int
    kept: int


def create_session(*, user: User, role_id: int | None = None) -> Session:
    """Open a session with the given role, or with the first offered one.

    Raises RoleNotFound and RoleNotPassed.
    """
    return Session.objects.create(owner=user, role=available_role(user, role_id))


def delete_session(*, user: User, session_id: uuid.UUID) -> None:
    """Delete a session with its messages. Raises SessionNotFound, and ReplyInProgress while a reply streams."""
    with transaction.atomic(durable=True):
        session = locked_session(user, session_id)
        require_idle(session)
        session.delete()


def delete_sessions(*, user: User) -> Cleared:
    """Delete all sessions that the user has now, some in each transaction; each goes whole or stays whole.

    Raises ReplyInProgress, and deletes nothing, while a reply streams in any of them.
    """
    for session_id in _sessions_with_a_reply_under_way(user):
        with transaction.atomic(durable=True):
            require_idle(locked_session(user, session_id))
    waiting = list(Session.objects.owned_by(user).order_by("id").values_list("id", flat=True))
    deleted = 0
    for start in range(0, len(waiting), _DELETED_AT_ONCE):
        deleted += _delete_idle(user, waiting[start : start + _DELETED_AT_ONCE])
    return Cleared(deleted, Session.objects.owned_by(user).filter(id__in=waiting).count())


def clear_session(*, user: User, session_id: uuid.UUID) -> None:
    """Delete the messages of a session, their summary, and the title that was made of them; the session stays.

    Raises SessionNotFound, and ReplyInProgress while a reply streams.
    """
    with transaction.atomic(durable=True):
        session = locked_session(user, session_id)
        require_idle(session)
        session.messages.all().delete()
        ConversationSummary.objects.filter(session=session).delete()
        made = Session.objects.filter(id=session.id).exclude(title_source=Session.TitleSource.READER)
        made.update(title="", title_source=Session.TitleSource.QUESTION)


def rename_session(*, user: User, session_id: uuid.UUID, title: str) -> None:
    """Give a session the reader's own title, which no model replaces. Raises SessionNotFound."""
    _change(user, session_id, title=title, title_source=Session.TitleSource.READER)


def pin_session(*, user: User, session_id: uuid.UUID) -> None:
    """Place a session before all others, the one pinned last first; it stays where it is if it is pinned.

    Raises SessionNotFound.
    """
    pinned = Session.objects.owned_by(user).filter(id=session_id, pinned_at=None).update(pinned_at=Now())
    if not pinned and not Session.objects.owned_by(user).filter(id=session_id).exists():
        raise errors.SessionNotFound


def unpin_session(*, user: User, session_id: uuid.UUID) -> None:
    """Place a session among the others again. Raises SessionNotFound."""
    _change(user, session_id, pinned_at=None)


def choose_version(*, user: User, session_id: uuid.UUID, message_id: uuid.UUID) -> None:
    """Let the reader see the newest branch that goes through the message.

    Raises SessionNotFound, and MessageNotFound for a message of another session or a question without a reply.
    """
    with transaction.atomic(durable=True):
        session = locked_session(user, session_id)
        message = session.messages.filter(id=message_id).only("id").first()
        leaf_id = leaf_below(message) if message else None
        if leaf_id is None:
            raise errors.MessageNotFound
        Session.objects.filter(id=session.id).update(leaf=leaf_id)


def locked_session(user: User, session_id: uuid.UUID) -> Session:
    """Lock and return the user's own session. Raises SessionNotFound and AccountDisabled."""
    session = _own_session.row(user=user.id, session_id=session_id)
    if session is None:
        raise errors.SessionNotFound
    # Read after the lock was had: the account may have been disabled while we waited for it.
    owner = _active_user.row(user_id=user.id)
    if owner is None:
        raise AccountDisabled
    session.owner = owner
    return session


def available_role(user: User, role_id: int | None) -> Role:
    """Return the role if it may answer the reader, or without an id the first one offered.

    Raises RoleNotFound, and RoleNotPassed for an own role that moderation has not let pass.
    """
    if role_id is None:
        role = Role.objects.offered().first()
    else:
        role = Role.objects.choosable_by(user).filter(id=role_id).first()
    if role is None:
        raise errors.RoleNotFound
    require_passed(role)
    return role


def require_passed(role: Role) -> None:
    """Raise RoleNotPassed unless moderation lets the role answer; also in a session that was opened when it did."""
    if role.review == Role.Review.PASSED:
        return
    is_waiting = role.review == Role.Review.PENDING
    raise errors.RoleNotPassed(_WAITING if is_waiting else _REFUSED)


def _change(user: User, session_id: uuid.UUID, **columns: object) -> None:
    """Write some columns of one's own session and no others: a turn may be writing the rest."""
    if not Session.objects.owned_by(user).filter(id=session_id).update(**columns):
        raise errors.SessionNotFound


def _sessions_with_a_reply_under_way(user: User) -> list[uuid.UUID]:
    streaming = Message.objects.streaming().owned_by(user)
    return list(streaming.order_by("session_id").values_list("session_id", flat=True))


def _delete_idle(user: User, session_ids: Sequence[uuid.UUID]) -> int:
    """Delete those of the sessions in which no reply streams, in one transaction; tell how many."""
    with transaction.atomic(durable=True):
        own = Session.objects.owned_by(user).filter(id__in=session_ids).order_by("id")
        locked = set(own.select_for_update(no_key=True).values_list("id", flat=True))
        busy = Message.objects.streaming().filter(session__in=locked).values_list("session_id", flat=True)
        idle = locked - set(busy)
        Session.objects.filter(id__in=idle).delete()
    return len(idle)
