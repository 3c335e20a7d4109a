"""Decides how operators read holds: what was set aside, what was charged, what we absorbed."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from billing.models import Hold
from billing.money import format_yuan
from guoxue.admin import ReadOnlyAdmin


class AbsorbedFilter(admin.SimpleListFilter):
    title = "平台承担"
    parameter_name = "absorbed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "有")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Hold]) -> QuerySet[Hold]:
        return queryset.filter(absorbed_micros__gt=0) if self.value() == "yes" else queryset


@admin.register(Hold)
class HoldAdmin(ReadOnlyAdmin[Hold]):
    list_display = (
        "key",
        "owner",
        "priced_model",
        "status",
        "amount",
        "settled",
        "absorbed",
        "created_at",
        "settled_at",
    )
    list_filter = ("status", AbsorbedFilter, "price__model", "created_at")
    search_fields = ("key", "wallet__user__email", "wallet__user__nickname")
    date_hierarchy = "created_at"
    list_select_related = ("wallet__user", "price")
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("key", "owner", "price", "status")}),
        ("冻结", {"fields": ("prompt_tokens", "max_output_tokens", "amount", "cash", "bonus", "created_at")}),
        (
            "结算",
            {
                "fields": (
                    "input_tokens",
                    "cached_input_tokens",
                    "output_tokens",
                    "settled",
                    "absorbed",
                    "settled_at",
                )
            },
        ),
    )

    @admin.display(description="用户", ordering="wallet__user__email")
    def owner(self, hold: Hold) -> str:
        return str(hold.wallet.user)

    @admin.display(description="模型", ordering="price__model")
    def priced_model(self, hold: Hold) -> str:
        return hold.price.model

    @admin.display(description="冻结金额")
    def amount(self, hold: Hold) -> str:
        return format_yuan(hold.amount_micros)

    @admin.display(description="其中现金")
    def cash(self, hold: Hold) -> str:
        return format_yuan(hold.cash_micros)

    @admin.display(description="其中赠金")
    def bonus(self, hold: Hold) -> str:
        return format_yuan(hold.bonus_micros)

    @admin.display(description="实收", ordering="settled_micros")
    def settled(self, hold: Hold) -> str:
        return format_yuan(hold.settled_micros)

    @admin.display(description="平台承担", ordering="absorbed_micros")
    def absorbed(self, hold: Hold) -> str:
        return format_yuan(hold.absorbed_micros)
