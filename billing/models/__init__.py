"""Decides how money is stored. Every amount is integer micro-yuan; what triggers enforce is in migration 0002."""

from billing.models.holds import Hold
from billing.models.ledger import LedgerEntry, LedgerTransaction
from billing.models.prices import Price
from billing.models.wallets import AVAILABLE_ACCOUNTS, WALLET_ACCOUNTS, Account, TrialGrant, Wallet

__all__ = [
    "AVAILABLE_ACCOUNTS",
    "WALLET_ACCOUNTS",
    "Account",
    "Hold",
    "LedgerEntry",
    "LedgerTransaction",
    "Price",
    "TrialGrant",
    "Wallet",
]
