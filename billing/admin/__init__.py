"""Registers the admin pages of money: read-only but for new prices and explained adjustments."""

from billing.admin.holds import HoldAdmin
from billing.admin.ledger import LedgerTransactionAdmin
from billing.admin.prices import PriceAdmin
from billing.admin.wallets import TrialGrantAdmin, WalletAdmin

__all__ = ["HoldAdmin", "LedgerTransactionAdmin", "PriceAdmin", "TrialGrantAdmin", "WalletAdmin"]
