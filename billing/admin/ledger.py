"""Decides how operators read the ledger: each transaction with its entries."""

from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest

from billing.models import AVAILABLE_ACCOUNTS, LedgerEntry, LedgerTransaction
from billing.money import format_yuan
from guoxue.admin import ReadOnlyAdmin


class LedgerEntryInline(admin.TabularInline[LedgerEntry, LedgerTransaction]):
    model = LedgerEntry
    fields = ("account", "wallet", "amount", "balance_after")
    readonly_fields = ("amount", "balance_after")
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[LedgerEntry]:
        return super().get_queryset(request).select_related("wallet__user")

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.display(description="金额")
    def amount(self, entry: LedgerEntry) -> str:
        return format_yuan(entry.amount_micros)

    @admin.display(description="变动后余额")
    def balance_after(self, entry: LedgerEntry) -> str:
        return "—" if entry.balance_after_micros is None else format_yuan(entry.balance_after_micros)


@admin.register(LedgerTransaction)
class LedgerTransactionAdmin(ReadOnlyAdmin[LedgerTransaction]):
    list_display = ("id", "created_at", "kind", "owner", "change", "reason", "actor", "key")
    list_filter = ("kind", "created_at")
    search_fields = ("=id", "key", "reason", "actor__email", "entries__wallet__user__email")
    date_hierarchy = "created_at"
    list_select_related = ("actor",)
    show_full_result_count = False
    fieldsets = (
        (None, {"fields": ("id", "kind", "owner", "change", "reason", "actor", "key", "created_at")}),
    )
    inlines = (LedgerEntryInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[LedgerTransaction]:
        entries = LedgerEntry.objects.select_related("wallet__user")
        return super().get_queryset(request).prefetch_related(Prefetch("entries", queryset=entries))

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        return lookup == "entries__wallet__id__exact" or super().lookup_allowed(lookup, value, request)

    @admin.display(description="用户")
    def owner(self, ledger_transaction: LedgerTransaction) -> str:
        owners = {str(entry.wallet.user) for entry in ledger_transaction.entries.all() if entry.wallet}
        return "、".join(sorted(owners)) or "—"

    @admin.display(description="可用余额变动")
    def change(self, ledger_transaction: LedgerTransaction) -> str:
        return format_yuan(
            sum(
                entry.amount_micros
                for entry in ledger_transaction.entries.all()
                if entry.account in AVAILABLE_ACCOUNTS
            )
        )
