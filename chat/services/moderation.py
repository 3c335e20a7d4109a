"""Decides how texts pass moderation and what is kept of it: a record of every judgement that was no plain pass."""

import uuid
from collections.abc import Sequence

from django.db import transaction

from accounts.models import User
from chat import errors
from chat.models import Message, ModerationRecord
from chat.moderation.judging import EXCERPT_CHARACTERS, Direction, Judgement, Verdict, weightiest
from chat.moderation.panel import judge_text
from chat.services.memory import forget_blocked

_LABEL_CHARACTERS = 100


def review_text(
    text: str, *, direction: Direction, user: User | None, message_id: uuid.UUID | None = None
) -> Judgement:
    """Judge a text, keep a record of what was no plain pass, and return the judgement that counts.

    Waits for the network, so call it before a transaction, never in one. The message is flagged, where there is one.
    """
    judgements = judge_text(text, direction=direction, user=user)
    record_judgements(judgements, direction=direction, user=user, message_id=message_id)
    return weightiest(judgements)


def require_allowed(
    text: str, *, direction: Direction, user: User | None, field: str = "message"
) -> Judgement:
    """Review a text that somebody wants to save: a title, a nickname, a role.

    Raises ContentBlocked or ModerationUnavailable, which name the ``field``; a record of that stays.
    """
    judgement = review_text(text, direction=direction, user=user)
    refuse_blocked((judgement,), field=field)
    return judgement


def refuse_blocked(judgements: Sequence[Judgement], *, field: str = "message") -> None:
    """Raise ContentBlocked or ModerationUnavailable when the judgement that counts blocks."""
    judgement = weightiest(judgements)
    if not judgement.blocks:
        return
    risky = judgement.verdict == Verdict.RISKY
    error = errors.ContentBlocked if risky else errors.ModerationUnavailable
    raise error(fields={field: [error.message]})


def record_judgements(
    judgements: Sequence[Judgement],
    *,
    direction: Direction,
    user: User | None,
    message_id: uuid.UUID | None = None,
) -> None:
    """Keep what was no plain pass, and flag the message; a flag never becomes a weaker one. A step of any transaction."""
    kept = [judgement for judgement in judgements if judgement.verdict != Verdict.PASS]
    if not kept:
        return
    with transaction.atomic(savepoint=False):
        ModerationRecord.objects.bulk_create(
            ModerationRecord(
                direction=direction,
                verdict=judgement.verdict.value,
                moderator=judgement.moderator,
                label=_storable(judgement.label, _LABEL_CHARACTERS),
                excerpt=_storable(judgement.excerpt, EXCERPT_CHARACTERS),
                trace_id=_storable(judgement.trace_id, _LABEL_CHARACTERS),
                user=user,
                message_id=message_id,
            )
            for judgement in kept
        )
        if message_id is not None:
            flag = weightiest(kept).flag
            Message.objects.filter(id=message_id).exclude(flag=Message.Flag.BLOCKED).update(flag=flag)
            if flag == Message.Flag.BLOCKED:
                forget_blocked(message_id)


def _storable(text: str, limit: int) -> str:
    """Cut the text to the column, without what PostgreSQL cannot hold."""
    return text[:limit].replace("\0", "").encode("utf-8", "replace").decode()
