"""Decides what everybody is told of prices: those in force now, from a list that also knows what is coming."""

from datetime import datetime
from typing import Any

from django.utils import timezone

from billing.models import Price
from billing.serializers import PriceSerializer
from guoxue.caching import SharedCache

_Version = tuple[datetime, dict[str, Any]]
_shared: SharedCache[list[_Version]] = SharedCache("prices", seconds=60)


def price_list() -> list[dict[str, Any]]:
    """Return the price in force of each model as JSON, by model; a version begins to count at its moment."""
    now = timezone.now()
    in_force = {row["model"]: row for valid_from, row in _shared.get("versions", _read) if valid_from <= now}
    return [in_force[model] for model in sorted(in_force)]


def forget_price_list() -> None:
    """Have the list read again; to be called once a changed price is committed."""
    _shared.forget()


def _read() -> list[_Version]:
    """Read the versions that count or are to count, of each model the older ones first."""
    now = timezone.now()
    upcoming = Price.objects.filter(valid_from__gt=now).order_by("valid_from")
    prices = [*Price.objects.in_force(now), *upcoming]
    return [(price.valid_from, dict(PriceSerializer(price).data)) for price in prices]
