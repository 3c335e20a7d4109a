"""Decides who the trial credit goes to: once per person for ever, within one budget a day."""

import hashlib
import hmac
from datetime import datetime
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Sum
from django.utils import timezone

from billing.models import TrialGrant

BUDGET_ZONE = ZoneInfo("Asia/Shanghai")


def fingerprint(person_key: str) -> str:
    """Return HMAC-SHA256 of the person's identity: it recognises a person but names nobody."""
    key = settings.TRIAL_HMAC_KEY.encode()
    return hmac.new(key, person_key.encode(), hashlib.sha256).hexdigest()


def was_granted(person_key: str) -> bool:
    """Tell whether this person ever got the trial, with any account."""
    return TrialGrant.objects.filter(fingerprint=fingerprint(person_key)).exists()


def fits_budget(amount_micros: int, *, at: datetime | None = None) -> bool:
    """Tell whether today's budget (a day of Asia/Shanghai) still covers the amount."""
    midnight = timezone.localtime(at, BUDGET_ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    today = TrialGrant.objects.filter(created_at__gte=midnight)
    granted: int = today.aggregate(total=Sum("amount_micros"))["total"] or 0
    budget: int = settings.TRIAL_DAILY_BUDGET_MICROS
    return granted + amount_micros <= budget
