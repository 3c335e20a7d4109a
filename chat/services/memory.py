"""Decides how a session's summary is taken back: erased by its reader, or begun anew when moderation blocks a part."""

import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import F

from accounts.models import User
from chat.branches import path_to
from chat.memory import fallen_out, summary_of
from chat.models import ConversationSummary, Session
from chat.services.sessions import locked_session


def erase_summary(*, user: User, session_id: uuid.UUID) -> None:
    """Erase a session's summary; what has fallen out of the window so far is never summarised again.

    Turns that fall out later are. Raises SessionNotFound.
    """
    with transaction.atomic(durable=True):
        session = locked_session(user, session_id)
        erased_until = _end_of_the_past(session)
        if erased_until is not None:
            erased = {"text": "", "covers": None, "model": "", "erased_until": erased_until}
            ConversationSummary.objects.update_or_create(session=session, defaults=erased)


def forget_blocked(message_id: uuid.UUID) -> None:
    """Have a summary that takes in a blocked message begin anew without it; a step of the transaction that blocks it."""
    taken_in = ConversationSummary.objects.filter(
        session__messages=message_id, covers__created_at__gte=F("session__messages__created_at")
    )
    taken_in.update(text="", covers=None, model="")


def _end_of_the_past(session: Session) -> datetime | None:
    """Return when the last of what the summary tells, or could tell by now, was answered; on whatever branch."""
    summary = summary_of(session)
    moments = [turn.answered_at for turn in fallen_out(session.role, path_to(session.leaf_id))[:1]]
    if summary is not None:
        moments += [summary.covers.created_at] if summary.covers else []
        moments += [summary.erased_until] if summary.erased_until else []
    return max(moments, default=None)
