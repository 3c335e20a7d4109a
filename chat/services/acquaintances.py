"""Decides how a reader's acquaintance with a persona goes on, and which notice a question calls for."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from accounts.models import User
from chat.models import Acquaintance, Message, Role
from chat.notices import Notice, is_reminder_due


def meet_persona(*, user: User, role: Role, moment: datetime) -> Notice | None:
    """Record that the reader talks with a persona at this moment, and return what they must be told now.

    A step of the transaction in which a reply is created at ``moment``: if that comes to nothing, nobody was told.
    Of questions in parallel one creates or locks the acquaintance, the others wait for it, and see what it was told.
    A pause longer than ``PERSONA_BREAK_MINUTES`` ends a talk without a break.
    """
    if not role.is_persona:
        return None
    with transaction.atomic(savepoint=False):
        known = _locked(user, role)
        if known is None:
            first = Acquaintance(user=user, role=role, noticed_at=moment, began_at=moment, last_at=moment)
            Acquaintance.objects.bulk_create([first], ignore_conflicts=True)
            known = _locked(user, role)
        assert known is not None
        if known.noticed_at == moment:
            return Notice(Message.NoticeKind.FIRST_USE, role.name)
        if moment - known.last_at > settings.PERSONA_BREAK:
            known.began_at = moment
        is_due = is_reminder_due(moment=moment, began_at=known.began_at, reminded_at=known.reminded_at)
        if is_due:
            known.reminded_at = moment
        # Questions in parallel may come to the lock in another order than they were created.
        known.last_at = max(known.last_at, moment)
        known.save(update_fields=("began_at", "last_at", "reminded_at"))
        return Notice(Message.NoticeKind.TWO_HOURS, role.name) if is_due else None


def _locked(user: User, role: Role) -> Acquaintance | None:
    return Acquaintance.objects.select_for_update(no_key=True).filter(user=user, role=role).first()
