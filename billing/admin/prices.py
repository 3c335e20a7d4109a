"""Decides how operators set prices: by adding versions."""

from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from billing.forms import PriceForm
from billing.models import Price
from billing.money import format_yuan
from billing.price_list import forget_price_list

SHOWN_PRICES = ("input_price", "cached_input_price", "output_price")


@admin.register(Price)
class PriceAdmin(admin.ModelAdmin[Price]):
    """A price is changed by adding a version; only one that is not in force yet may be edited or deleted."""

    form = PriceForm
    list_display = ("model", "state", "valid_from", *SHOWN_PRICES)
    list_filter = ("model",)
    search_fields = ("model",)
    date_hierarchy = "valid_from"
    actions = None
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Price]:
        return Price.objects.with_state()

    def has_change_permission(self, request: HttpRequest, obj: Price | None = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj and obj.is_in_force)

    def has_delete_permission(self, request: HttpRequest, obj: Price | None = None) -> bool:
        return super().has_delete_permission(request, obj) and not (obj and obj.is_in_force)

    def save_model(self, request: HttpRequest, obj: Price, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        transaction.on_commit(forget_price_list)

    def delete_model(self, request: HttpRequest, obj: Price) -> None:
        super().delete_model(request, obj)
        transaction.on_commit(forget_price_list)

    def get_fieldsets(self, request: HttpRequest, obj: Price | None = None) -> Any:
        """Show the prices as inputs in yuan, or as text where they are not to be changed."""
        advice = "价格生效后不可修改：要调价，请新增一个版本。进行中的回答按冻结时的版本结算。"
        editable = PriceForm.Meta.fields
        fields = ("model", "state", "valid_from", *SHOWN_PRICES) if obj and obj.is_in_force else editable
        return ((None, {"description": advice, "fields": fields}),)

    def get_readonly_fields(self, request: HttpRequest, obj: Price | None = None) -> tuple[str, ...]:
        return ("state", *SHOWN_PRICES) if obj and obj.is_in_force else ()

    @admin.display(description="状态")
    def state(self, price: Any) -> str:
        if price.valid_from > timezone.now():
            return "待生效"
        return "已被取代" if price.is_superseded else "当前"

    @admin.display(description="输入（每百万 token）", ordering="input_price_micros")
    def input_price(self, price: Price) -> str:
        return format_yuan(price.input_price_micros)

    @admin.display(description="缓存命中输入（每百万 token）", ordering="cached_input_price_micros")
    def cached_input_price(self, price: Price) -> str:
        return format_yuan(price.cached_input_price_micros)

    @admin.display(description="输出（每百万 token）", ordering="output_price_micros")
    def output_price(self, price: Price) -> str:
        return format_yuan(price.output_price_micros)
