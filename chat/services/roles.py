"""Decides how readers make roles of their own, and how operators decide on those that moderation has held up."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime

from django.conf import settings
from django.db import transaction

from accounts.models import User
from chat import errors
from chat.models import Role
from chat.moderation.judging import Direction
from chat.role_rules import prompt_budget_for, require_known_works, require_offered_model
from chat.services.moderation import require_allowed


@dataclass(frozen=True)
class RoleChanges:
    """What a reader says of a role of their own; None leaves it as it is, or as a new role has it."""

    name: str | None = None
    description: str | None = None
    system_prompt: str | None = None
    opening_line: str | None = None
    suggested_questions: list[str] | None = None
    memory_turns: int | None = None
    temperature_percent: int | None = None
    model: str | None = None
    scope_works: list[str] | None = None
    scope_categories: list[str] | None = None
    is_persona: bool | None = None

    def apply(self, role: Role) -> list[str]:
        """Write what differs to the role; return the names of these columns."""
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        changed = {
            name: value for name, value in given.items() if value is not None and value != getattr(role, name)
        }
        if "system_prompt" in changed:
            changed["prompt_budget_tokens"] = prompt_budget_for(changed["system_prompt"])
        for name, value in changed.items():
            setattr(role, name, value)
        return list(changed)


# What others could come to read, and what a model is told.
_MODERATED = ("name", "description", "system_prompt", "opening_line", "suggested_questions")


def create_role(*, user: User, wanted: RoleChanges) -> Role:
    """Make a role of the reader's own; what moderation does not simply let pass waits for an operator.

    Moderation comes before the transaction, as it may wait for the network. Locks the reader's row, so that no two
    requests pass the limit. Raises OwnRoleLimitReached, InvalidInput for an unknown work or model, ContentBlocked and
    ModerationUnavailable; nothing is saved then, but a record of what was blocked.
    """
    role = Role(owner=user, is_active=True)
    changed = wanted.apply(role)
    _check(role, changed)
    _require_room(user)
    is_clean = _moderate(role, changed)
    role.review = Role.Review.PASSED if is_clean else Role.Review.PENDING
    with transaction.atomic(durable=True):
        User.objects.select_for_update(no_key=True).get(id=user.id)
        _require_room(user)
        role.save()
    return role


def change_role(*, user: User, role_id: int, wanted: RoleChanges) -> Role:
    """Change a role of the reader's own.

    New words are moderated; they never undo what was held up or refused, but put it before an operator (again).
    Raises RoleNotFound, and what ``create_role`` raises but for the limit; nothing changes then.
    """
    draft = own_role(user, role_id)
    kept_works = tuple(draft.scope_works)
    changed = wanted.apply(draft)
    _check(draft, changed, kept_works=kept_works)
    is_clean = _moderate(draft, changed)
    with transaction.atomic(durable=True):
        role = own_role(user, role_id, is_locked=True)
        has_new_words = bool(set(wanted.apply(role)) & set(_MODERATED))
        if has_new_words and not (is_clean and role.review == Role.Review.PASSED):
            role.review, role.review_note = Role.Review.PENDING, ""
        role.save()
    return role


def delete_role(*, user: User, role_id: int) -> None:
    """Take a role of the reader's own away. Its row stays: sessions keep its name, and may go on with it.

    Raises RoleNotFound.
    """
    if not Role.objects.owned_by(user).filter(id=role_id).update(is_active=False):
        raise errors.RoleNotFound


def pass_role(*, role_id: int, seen_at: datetime, note: str = "") -> Role:
    """Let a reader's role answer, as it stood when the operator looked at it. Raises RoleNotFound and RoleChanged."""
    return _decide(role_id, seen_at, Role.Review.PASSED, note)


def refuse_role(*, role_id: int, seen_at: datetime, note: str = "") -> Role:
    """Keep a reader's role from answering, also in sessions that have it. Raises RoleNotFound and RoleChanged."""
    return _decide(role_id, seen_at, Role.Review.REFUSED, note)


def own_role(user: User, role_id: int, *, is_locked: bool = False) -> Role:
    """Return a role of the reader's own, locked where it is to be changed. Raises RoleNotFound."""
    own = Role.objects.owned_by(user).filter(id=role_id)
    role = (own.select_for_update(no_key=True, of=("self",)) if is_locked else own).first()
    if role is None:
        raise errors.RoleNotFound
    return role


def _check(role: Role, changed: list[str], *, kept_works: tuple[str, ...] = ()) -> None:
    if "scope_works" in changed:
        require_known_works(role.scope_works, kept=kept_works)
    if "model" in changed:
        require_offered_model(role.model)


def _moderate(role: Role, changed: list[str]) -> bool:
    """Judge the new words field by field; tell whether they simply passed. Raises what names the refused field."""
    flags = [
        require_allowed(text, direction=Direction.ROLE, user=role.owner, field=field).flag
        for field, text in _words(role, changed)
    ]
    return not any(flags)


def _words(role: Role, changed: list[str]) -> Iterator[tuple[str, str]]:
    for field in _MODERATED:
        if field in changed:
            value = getattr(role, field)
            yield field, value if isinstance(value, str) else "\n".join(value)


def _require_room(user: User) -> None:
    if Role.objects.owned_by(user).count() >= settings.OWN_ROLES_MAX:
        raise errors.OwnRoleLimitReached(f"自建角色已满 {settings.OWN_ROLES_MAX} 个，请先删除一个再新建。")


def _decide(role_id: int, seen_at: datetime, review: Role.Review, note: str) -> Role:
    with transaction.atomic(durable=True):
        role = (
            Role.objects.select_for_update(no_key=True, of=("self",))
            .filter(id=role_id, owner__isnull=False)
            .first()
        )
        if role is None:
            raise errors.RoleNotFound
        if role.updated_at != seen_at:
            raise errors.RoleChanged
        role.review, role.review_note = review, note
        role.save()
    return role
