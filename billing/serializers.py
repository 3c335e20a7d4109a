"""Decides how money looks to a client: integer micro-yuan beside a display string."""

from typing import Any

from rest_framework import serializers

from billing.models import LedgerTransaction, Price, TrialGrant, Wallet
from billing.money import format_yuan


class YuanText(serializers.CharField):
    """The display string of an amount, read-only: ``¥9.98``."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, **options)

    def to_representation(self, value: Any) -> str:
        return format_yuan(value)


class TrialSerializer(serializers.ModelSerializer[TrialGrant]):
    granted_micros = serializers.IntegerField(source="amount_micros", read_only=True)
    granted_at = serializers.DateTimeField(source="created_at", read_only=True)

    class Meta:
        model = TrialGrant
        fields = ("granted_micros", "granted_at")


class WalletSerializer(serializers.ModelSerializer[Wallet]):
    balance_micros = serializers.IntegerField(
        source="available_micros",
        read_only=True,
        help_text="可用余额（微元）：现金与赠金之和，不含冻结部分。",
    )
    balance = YuanText(source="available_micros")
    held_micros = serializers.IntegerField(read_only=True, help_text="正在生成的回答所冻结的金额（微元）。")
    trial = TrialSerializer(source="trial_grant", read_only=True, allow_null=True)

    class Meta:
        model = Wallet
        fields = ("balance_micros", "balance", "cash_micros", "bonus_micros", "held_micros", "trial")


class WalletEntrySerializer(serializers.ModelSerializer[LedgerTransaction]):
    kind_label = serializers.CharField(source="get_kind_display", read_only=True)
    amount_micros = serializers.IntegerField(
        source="change_micros", read_only=True, help_text="可用余额的变动（微元），支出为负。"
    )
    amount = YuanText(source="change_micros")
    balance_after_micros = serializers.IntegerField(source="available_after_micros", read_only=True)
    balance_after = YuanText(source="available_after_micros")

    class Meta:
        model = LedgerTransaction
        fields = (
            "id",
            "kind",
            "kind_label",
            "amount_micros",
            "amount",
            "balance_after_micros",
            "balance_after",
            "reason",
            "created_at",
        )


class PriceSerializer(serializers.ModelSerializer[Price]):
    input_price = YuanText(source="input_price_micros")
    cached_input_price = YuanText(source="cached_input_price_micros")
    output_price = YuanText(source="output_price_micros")

    class Meta:
        model = Price
        fields = (
            "model",
            "valid_from",
            "input_price_micros",
            "input_price",
            "cached_input_price_micros",
            "cached_input_price",
            "output_price_micros",
            "output_price",
        )
