"""Decides how sessions open and close, and who may lock one."""

import uuid

from django.db import transaction

from accounts.errors import AccountDisabled
from accounts.models import User
from chat import errors
from chat.models import Role, Session
from chat.services.replies import require_idle


def create_session(*, user: User, role_id: int | None = None) -> Session:
    """Open a session with the given role, or with the first offered one.

    Raises RoleNotFound.
    """
    return Session.objects.create(owner=user, role=available_role(user, role_id))


def delete_session(*, user: User, session_id: uuid.UUID) -> None:
    """Delete a session with its messages. Raises SessionNotFound, and ReplyInProgress while a reply streams."""
    with transaction.atomic(durable=True):
        session = locked_session(user, session_id)
        require_idle(session)
        session.delete()


def locked_session(user: User, session_id: uuid.UUID) -> Session:
    """Lock and return the user's own session. Raises SessionNotFound and AccountDisabled."""
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


def available_role(user: User, role_id: int | None) -> Role:
    """Return the role if it may answer the reader, or without an id the first one offered. Raises RoleNotFound."""
    roles = Role.objects.offered() if role_id is None else Role.objects.available_to(user)
    role = roles.first() if role_id is None else roles.filter(id=role_id).first()
    if role is None:
        raise errors.RoleNotFound
    return role
