"""Decides what operators may type about money: amounts in yuan, as text, never as floating point."""

import uuid
from typing import Any

from django import forms

from billing.models import AVAILABLE_ACCOUNTS, Price
from billing.money import parse_yuan, yuan_text


class YuanInput(forms.CharField):
    """An amount typed in yuan (``12.50``); its value is integer micro-yuan."""

    default_error_messages = {"invalid": "请填写金额（元），例如 12.50，最多六位小数。"}

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=20, widget=forms.TextInput(attrs={"inputmode": "decimal"}), **options)

    def prepare_value(self, value: Any) -> Any:
        return yuan_text(value) if isinstance(value, int) else value

    def clean(self, value: Any) -> int | None:
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse_yuan(text)
        except ValueError as error:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from error


class AdjustmentForm(forms.Form):
    """An operator's credit or debit. The hidden key makes a second submit of the same page harmless."""

    amount = YuanInput(label="金额（元）", help_text="正数为增加，负数为扣减，例如 12.50 或 -3。")
    bucket = forms.ChoiceField(
        label="账户",
        choices=[(account.value, account.label) for account in AVAILABLE_ACCOUNTS],
        widget=forms.RadioSelect,
        initial=AVAILABLE_ACCOUNTS[0].value,
    )
    reason = forms.CharField(
        label="事由",
        max_length=200,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        help_text="记入账本，不可修改，用户在余额记录中可以看到。",
    )
    idempotency_key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)


class PriceForm(forms.ModelForm[Price]):
    """A price version, in yuan per 1 000 000 tokens."""

    input_price_micros = YuanInput(label="输入价格（元/百万 token）")
    cached_input_price_micros = YuanInput(label="缓存命中输入价格（元/百万 token）")
    output_price_micros = YuanInput(label="输出价格（元/百万 token）")

    class Meta:
        model = Price
        fields = (
            "model",
            "valid_from",
            "input_price_micros",
            "cached_input_price_micros",
            "output_price_micros",
        )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        current = Price.objects.current(cleaned.get("model", ""))
        if current and "valid_from" in cleaned and cleaned["valid_from"] <= current.valid_from:
            self.add_error("valid_from", "生效时间必须晚于该模型的当前版本，否则永远不会生效。")
        return cleaned
