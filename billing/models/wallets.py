"""Decides how a person's money is stored: accounts, wallets and trial grants."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.expressions import Combinable
from django.utils import timezone

from accounts.models import User
from billing.money import format_yuan


class Account(models.TextChoices):
    """The accounts between which money moves: five buckets of a wallet, five of the system."""

    CASH = "cash", "现金余额"
    BONUS = "bonus", "赠金余额"
    CASH_HELD = "cash_held", "冻结现金"
    BONUS_HELD = "bonus_held", "冻结赠金"
    REFUNDING = "refunding", "退款中"
    WECHAT = "wechat", "微信收款"
    REVENUE = "revenue", "现金收入"
    REVENUE_BONUS = "revenue_bonus", "赠金消耗"
    PROMO = "promo", "赠送支出"
    ADJUST = "adjust", "人工调整"


WALLET_ACCOUNTS = (Account.CASH, Account.BONUS, Account.CASH_HELD, Account.BONUS_HELD, Account.REFUNDING)
AVAILABLE_ACCOUNTS = (Account.CASH, Account.BONUS)
_BUCKETS = [account.value for account in WALLET_ACCOUNTS]


class WalletQuerySet(models.QuerySet["Wallet"]):
    """Reads of wallets."""

    def for_user(self, user: User | Combinable) -> Self:
        return self.filter(user=user)


class Wallet(models.Model):
    """A person's money in five buckets that only the ledger's posting trigger moves."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="wallet", verbose_name="用户"
    )
    cash_micros = models.BigIntegerField("现金余额（微元）", default=0, editable=False)
    bonus_micros = models.BigIntegerField("赠金余额（微元）", default=0, editable=False)
    cash_held_micros = models.BigIntegerField("冻结现金（微元）", default=0, editable=False)
    bonus_held_micros = models.BigIntegerField("冻结赠金（微元）", default=0, editable=False)
    refunding_micros = models.BigIntegerField("退款中（微元）", default=0, editable=False)
    created_at = models.DateTimeField("开户时间", auto_now_add=True)

    objects = WalletQuerySet.as_manager()

    class Meta:
        verbose_name = "钱包"
        verbose_name_plural = "钱包"
        ordering = ("-id",)
        permissions = (("adjust_wallet", "可以调整余额"),)
        constraints = tuple(
            models.CheckConstraint(
                name=f"wallet_{account}_not_negative", condition=Q(**{f"{account}_micros__gte": 0})
            )
            for account in _BUCKETS
        )

    def __str__(self) -> str:
        return f"{self.user} {format_yuan(self.available_micros)}"

    @property
    def available_micros(self) -> int:
        """What may be spent now: cash and bonus that are not held."""
        return self.cash_micros + self.bonus_micros

    @property
    def held_micros(self) -> int:
        """What running replies hold."""
        return self.cash_held_micros + self.bonus_held_micros

    @property
    def has_trial(self) -> bool:
        """Whether the trial was granted into this wallet."""
        return hasattr(self, "trial_grant")

    def balance_of(self, account: Account) -> int:
        """The balance of one of the five buckets."""
        balance: int = getattr(self, f"{account.value}_micros")
        return balance


class TrialGrant(models.Model):
    """The trial credit that a person got, once for ever; the fingerprint outlives the account."""

    fingerprint = models.CharField("身份指纹", max_length=64, unique=True)
    wallet = models.OneToOneField(
        Wallet, on_delete=models.PROTECT, related_name="trial_grant", verbose_name="钱包"
    )
    amount_micros = models.BigIntegerField("金额（微元）")
    created_at = models.DateTimeField("发放时间", default=timezone.now, db_index=True)

    class Meta:
        verbose_name = "体验金"
        verbose_name_plural = "体验金"
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(name="trialgrant_amount_positive", condition=Q(amount_micros__gt=0)),
        )

    def __str__(self) -> str:
        return f"{format_yuan(self.amount_micros)}（{timezone.localtime(self.created_at):%Y-%m-%d}）"
