"""Decides how money that is set aside for a reply is stored, and how it may end."""

from django.db import models
from django.db.models import F, Q

from billing.models.prices import Price
from billing.models.wallets import Wallet
from billing.money import format_yuan


class Hold(models.Model):
    """Money set aside for one reply at its worst-case price; ends once, as settled or released."""

    class Status(models.TextChoices):
        HELD = "held", "冻结中"
        SETTLED = "settled", "已结算"
        RELEASED = "released", "已解冻"

    key = models.CharField("幂等键", max_length=200, unique=True)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="holds", verbose_name="钱包")
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="holds", verbose_name="价格版本")
    prompt_tokens = models.PositiveIntegerField("提示词预算（token）")
    max_output_tokens = models.PositiveIntegerField("输出上限（token）")
    cash_micros = models.BigIntegerField("冻结现金（微元）")
    bonus_micros = models.BigIntegerField("冻结赠金（微元）")
    status = models.CharField("状态", max_length=16, choices=Status.choices, default=Status.HELD)
    input_tokens = models.PositiveIntegerField("输入 token", null=True, blank=True)
    cached_input_tokens = models.PositiveIntegerField("缓存命中 token", null=True, blank=True)
    output_tokens = models.PositiveIntegerField("输出 token", null=True, blank=True)
    settled_micros = models.BigIntegerField("实收（微元）", default=0)
    absorbed_micros = models.BigIntegerField("平台承担（微元）", default=0)
    created_at = models.DateTimeField("冻结时间", auto_now_add=True)
    settled_at = models.DateTimeField("结束时间", null=True, blank=True)

    class Meta:
        verbose_name = "冻结"
        verbose_name_plural = "冻结"
        ordering = ("-id",)
        indexes = (models.Index(name="hold_open", fields=("wallet",), condition=Q(status="held")),)
        constraints = (
            models.CheckConstraint(
                name="hold_amounts_not_negative", condition=Q(cash_micros__gte=0, bonus_micros__gte=0)
            ),
            models.CheckConstraint(
                name="hold_settled_within_hold",
                condition=Q(settled_micros__gte=0, settled_micros__lte=F("cash_micros") + F("bonus_micros")),
            ),
            models.CheckConstraint(
                name="hold_absorbed_only_beyond_hold",
                condition=Q(absorbed_micros=0)
                | Q(absorbed_micros__gt=0, settled_micros=F("cash_micros") + F("bonus_micros")),
            ),
            models.CheckConstraint(
                name="hold_status_consistent",
                condition=Q(
                    status="held", settled_at__isnull=True, settled_micros=0, output_tokens__isnull=True
                )
                | Q(status="settled", settled_at__isnull=False, output_tokens__isnull=False)
                | Q(status="released", settled_at__isnull=False, settled_micros=0, absorbed_micros=0),
            ),
            models.CheckConstraint(
                name="hold_cached_within_input",
                condition=Q(
                    input_tokens__isnull=True, cached_input_tokens__isnull=True, output_tokens__isnull=True
                )
                | Q(cached_input_tokens__lte=F("input_tokens"), output_tokens__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.key} {format_yuan(self.amount_micros)}"

    @property
    def amount_micros(self) -> int:
        """What is set aside in all: the bonus part and the cash part."""
        return self.cash_micros + self.bonus_micros
