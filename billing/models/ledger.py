"""Decides how movements of money are stored: transactions of entries that sum to zero, written once."""

from typing import Self

from django.conf import settings
from django.contrib.postgres.functions import TransactionNow
from django.db import models
from django.db.models import Q, Sum
from django.db.models.functions import Coalesce

from billing.models.wallets import AVAILABLE_ACCOUNTS, WALLET_ACCOUNTS, Account, Wallet
from billing.money import format_yuan

_BUCKETS = [account.value for account in WALLET_ACCOUNTS]


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
