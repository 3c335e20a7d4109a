"""Decides how operators see what the service asks models for itself, and what that costs them."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Count, Sum
from django.db.models.functions import TruncDate
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from billing.money import format_yuan
from chat.models import BackgroundCall
from guoxue.admin import ReadOnlyAdmin

COUNTED_DAYS = 7


@dataclass(frozen=True)
class DayOfCalls:
    """What the calls of one day and purpose came to."""

    day: date
    purpose: str
    calls: int
    tokens: int
    cost: str


@admin.register(BackgroundCall)
class BackgroundCallAdmin(ReadOnlyAdmin[BackgroundCall]):
    change_list_template = "admin/chat/backgroundcall/change_list.html"
    list_display = (
        *("created_at", "purpose", "model", "input_tokens", "cached_input_tokens", "output_tokens", "cost"),
        "session",
    )
    list_filter = ("purpose", "model")
    search_fields = ("=session__id",)
    date_hierarchy = "created_at"
    list_select_related = ("session",)
    show_full_result_count = False
    ordering = ("-created_at",)
    fields = list_display

    @admin.display(description="费用", ordering="cost_micros")
    def cost(self, call: BackgroundCall) -> str:
        return format_yuan(call.cost_micros)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        days = days_of_calls(COUNTED_DAYS)
        return super().changelist_view(request, {**(extra_context or {}), "days": days})


def days_of_calls(count: int) -> list[DayOfCalls]:
    """Return what each of the last days' purposes came to, the newest day first."""
    first = timezone.localdate() - timedelta(days=count - 1)
    since = timezone.make_aware(datetime.combine(first, time.min))
    rows = (
        BackgroundCall.objects.filter(created_at__gte=since)
        .annotate(day=TruncDate("created_at"))
        .values("day", "purpose")
        .annotate(
            calls=Count("id"), tokens=Sum("input_tokens") + Sum("output_tokens"), micros=Sum("cost_micros")
        )
        .order_by("-day", "purpose")
    )
    purposes = dict(BackgroundCall.Purpose.choices)
    return [
        DayOfCalls(
            row["day"],
            str(purposes[row["purpose"]]),
            row["calls"],
            row["tokens"],
            format_yuan(row["micros"]),
        )
        for row in rows
    ]
