"""Decides how money is stored: wallets, a double-entry ledger, prices, holds and trial grants.

Every amount is integer micro-yuan. What PostgreSQL enforces by triggers is in migration 0002.
"""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.contrib.postgres.functions import TransactionNow
from django.db import models
from django.db.models import F, Q, Sum
from django.db.models.functions import Coalesce
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

    def for_user(self, user: User) -> Self:
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


class LedgerTransactionQuerySet(models.QuerySet["LedgerTransaction"]):
    """Reads of the ledger."""

    def seen_from(self, wallet: Wallet) -> Self:
        """The wallet's transactions with the change of what is available and what it came to."""
        own = Q(entries__wallet=wallet)
        return self.filter(own).annotate(
            change_micros=Coalesce(
                Sum("entries__amount_micros", filter=Q(entries__account__in=AVAILABLE_ACCOUNTS)), 0
            ),
            available_after_micros=_balance_after(wallet, Account.CASH)
            + _balance_after(wallet, Account.BONUS),
        )


def _balance_after(wallet: Wallet, account: Account) -> Coalesce:
    """The bucket's balance as its last entry up to the outer transaction left it: one index look-up."""
    entries = LedgerEntry.objects.filter(
        wallet=wallet, account=account, transaction_id__lte=models.OuterRef("pk")
    )
    latest = entries.order_by("-transaction_id").values("balance_after_micros")[:1]
    return Coalesce(models.Subquery(latest), 0)


class LedgerTransaction(models.Model):
    """One movement of money whose entries sum to zero; written once, sealed at commit, never changed."""

    class Kind(models.TextChoices):
        TRIAL = "trial", "体验金"
        HOLD = "hold", "冻结"
        SETTLE = "settle", "结算"
        RELEASE = "release", "解冻"
        ADJUST = "adjust", "人工调整"

    key = models.CharField("幂等键", max_length=255, unique=True)
    kind = models.CharField("类型", max_length=16, choices=Kind.choices)
    reason = models.CharField("事由", max_length=200, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="操作人",
    )
    created_at = models.DateTimeField("时间", db_default=TransactionNow(), editable=False, db_index=True)

    objects = LedgerTransactionQuerySet.as_manager()

    class Meta:
        verbose_name = "账本交易"
        verbose_name_plural = "账本交易"
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                name="ledgertransaction_kind_known",
                condition=Q(kind__in=["trial", "hold", "settle", "release", "adjust"]),
            ),
            models.CheckConstraint(
                name="ledgertransaction_adjust_explained",
                condition=~Q(kind="adjust") | (Q(actor__isnull=False) & ~Q(reason="")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} #{self.pk}"


class LedgerEntry(models.Model):
    """One side of a transaction: an amount into (positive) or out of (negative) one account."""

    transaction = models.ForeignKey(
        LedgerTransaction,
        on_delete=models.PROTECT,
        related_name="entries",
        db_index=False,
        verbose_name="交易",
    )
    account = models.CharField("账户", max_length=16, choices=Account.choices)
    wallet = models.ForeignKey(
        Wallet,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="entries",
        db_index=False,
        verbose_name="钱包",
    )
    amount_micros = models.BigIntegerField("金额（微元）")
    balance_after_micros = models.BigIntegerField("变动后余额（微元）", null=True, editable=False)

    class Meta:
        verbose_name = "账本分录"
        verbose_name_plural = "账本分录"
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                name="ledgerentry_once_per_account",
                fields=("transaction", "account", "wallet"),
                nulls_distinct=False,
            ),
            models.CheckConstraint(
                name="ledgerentry_account_known",
                condition=Q(account__in=Account.values),
            ),
            models.CheckConstraint(name="ledgerentry_amount_not_zero", condition=~Q(amount_micros=0)),
            models.CheckConstraint(
                name="ledgerentry_wallet_iff_bucket",
                condition=Q(account__in=_BUCKETS, wallet__isnull=False)
                | (~Q(account__in=_BUCKETS) & Q(wallet__isnull=True)),
            ),
            models.CheckConstraint(
                name="ledgerentry_balance_iff_wallet",
                condition=Q(wallet__isnull=True, balance_after_micros__isnull=True)
                | Q(wallet__isnull=False, balance_after_micros__gte=0),
            ),
        )
        indexes = (
            models.Index(name="ledgerentry_of_wallet", fields=("wallet", "account", "-transaction")),
            models.Index(name="ledgerentry_wallet_history", fields=("wallet", "-transaction")),
        )

    def __str__(self) -> str:
        return f"{self.get_account_display()} {format_yuan(self.amount_micros)}"


class PriceQuerySet(models.QuerySet["Price"]):
    """Reads of prices: which version is in force."""

    def in_force(self, at: datetime | None = None) -> Self:
        """The newest version of every model that has come into force."""
        moment = at or timezone.now()
        return self.filter(~_newer_price(moment), valid_from__lte=moment)

    def current(self, model: str, at: datetime | None = None) -> "Price | None":
        """The price of the model now (or at a time), None where it has none."""
        started = self.filter(model=model, valid_from__lte=at or timezone.now())
        return started.order_by("-valid_from").first()

    def with_state(self) -> Self:
        """Every version with ``is_superseded``: whether a newer one of its model is in force."""
        return self.annotate(is_superseded=_newer_price(timezone.now()))

    def offered(self) -> Self:
        """One row for each model that has a price now, by name."""
        return self.in_force().order_by("model")


def _newer_price(moment: datetime) -> models.Exists:
    newer = Price.objects.filter(
        model=models.OuterRef("model"), valid_from__gt=models.OuterRef("valid_from"), valid_from__lte=moment
    )
    return models.Exists(newer)


class Price(models.Model):
    """What a model costs from a moment on, in micro-yuan per 1 000 000 tokens; immutable once in force."""

    model = models.CharField("模型", max_length=100)
    valid_from = models.DateTimeField("生效时间", default=timezone.now)
    input_price_micros = models.BigIntegerField("输入价格（微元/百万 token）")
    cached_input_price_micros = models.BigIntegerField("缓存命中输入价格（微元/百万 token）")
    output_price_micros = models.BigIntegerField("输出价格（微元/百万 token）")
    created_at = models.DateTimeField("创建时间", auto_now_add=True)

    objects = PriceQuerySet.as_manager()

    class Meta:
        verbose_name = "模型价格"
        verbose_name_plural = "模型价格"
        ordering = ("model", "-valid_from")
        constraints = (
            models.UniqueConstraint(
                name="price_one_version_per_moment",
                fields=("model", "valid_from"),
                violation_error_message="该模型在这个时间已有价格，请换一个生效时间。",
            ),
            *(
                models.CheckConstraint(
                    name=f"price_{kind}_in_range",
                    condition=Q(
                        **{f"{kind}_price_micros__gte": 0, f"{kind}_price_micros__lte": 1_000_000_000_000}
                    ),
                    violation_error_message="价格必须在 0 到 1 000 000 元之间。",
                )
                for kind in ("input", "cached_input", "output")
            ),
        )

    def __str__(self) -> str:
        return f"{self.model}（{timezone.localtime(self.valid_from):%Y-%m-%d %H:%M} 起）"

    @property
    def is_in_force(self) -> bool:
        """Whether its moment has come, after which it may be neither changed nor deleted."""
        return self.valid_from <= timezone.now()


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
