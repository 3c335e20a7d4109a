"""Decides every movement of money: opening wallets, the trial, holds and their settlement, adjustments.

Lock order: wallet, then hold. ``durable=True`` marks a whole use case, ``savepoint=False`` a step that runs
inside the caller's transaction (or in one of its own where there is none).
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from psycopg.errors import UniqueViolation

from accounts.models import User
from billing import pricing, trial
from billing.errors import (
    HoldNotFound,
    IdempotencyKeyReused,
    InsufficientBalance,
    InsufficientCredit,
    ModelNotPriced,
)
from billing.models import (
    AVAILABLE_ACCOUNTS,
    WALLET_ACCOUNTS,
    Account,
    Hold,
    LedgerEntry,
    LedgerTransaction,
    Price,
    TrialGrant,
    Wallet,
)
from billing.money import format_yuan
from billing.pricing import TokenUsage
from guoxue.errors import InvalidInput
from guoxue.rows import PreparedLookup

logger = logging.getLogger(__name__)

MINIMUM_OUTPUT_TOKENS = 256
REASON_MAX_CHARACTERS = 200
_TRIAL_BUDGET_LOCK = 0x7472_6961_6C
_CLOSING_FIELDS = (
    "status",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "settled_micros",
    "absorbed_micros",
    "settled_at",
)
_price_in_force = PreparedLookup(lambda model, now: Price.objects.versions(model, now)[:1])
_wallet_of_user = PreparedLookup(
    lambda user: (
        Wallet.objects.for_user(user)
        .select_related("trial_grant")
        .select_for_update(no_key=True, of=("self",))
        .order_by()
    )
)
_wallet_of_hold = PreparedLookup(
    lambda key: Wallet.objects.filter(holds__key=key).select_for_update(no_key=True, of=("self",)).order_by()
)
_earlier_hold = PreparedLookup(lambda key: Hold.objects.filter(key=key).select_related("price").order_by())
_hold_of_key = PreparedLookup(
    lambda key: (
        Hold.objects.filter(key=key)
        .select_related("price")
        .select_for_update(no_key=True, of=("self",))
        .order_by()
    )
)
_UNIQUE_KEYS = {"billing_hold_key_key", "billing_ledgertransaction_key_key"}


@transaction.atomic(savepoint=False)
def open_wallet(*, user: User) -> Wallet:
    """Return the user's wallet; the first use opens it, with the trial as its first entry.

    A person who could not get the trial because the day's budget was spent gets it on a later call.
    """
    wallet = Wallet.objects.for_user(user).select_related("trial_grant").first()
    if wallet is None:
        Wallet.objects.bulk_create([Wallet(user_id=user.pk)], ignore_conflicts=True)
        wallet = Wallet.objects.for_user(user).select_related("trial_grant").get()
    if wallet.has_trial or not _is_trial_due(user):
        return wallet
    return _grant_trial(wallet_id=wallet.pk, user=user)


@transaction.atomic(savepoint=False)
def hold_credit(*, key: str, user: User, model: str, prompt_tokens: int, max_output_tokens: int) -> Hold:
    """Set aside the worst-case price of a reply and return the hold; idempotent by ``key``.

    ``hold.max_output_tokens`` is lowered to what the balance pays for: send it to the model. Bonus is held
    before cash. Locks the wallet. Raises InsufficientCredit where fewer than 256 tokens (or fewer than asked,
    if that is less) are affordable, ModelNotPriced, and IdempotencyKeyReused where the key came before with
    other content.
    """
    if prompt_tokens < 0 or max_output_tokens < 1:
        raise ValueError("prompt_tokens must be at least 0 and max_output_tokens at least 1")
    wallet = _lock_wallet_of(user)
    earlier = _earlier_hold.row(key=key)
    if earlier is not None:
        return _same_hold(earlier, wallet, model=model, prompt_tokens=prompt_tokens)
    price = _price_in_force.row(model=model, now=timezone.now())
    if price is None:
        raise ModelNotPriced
    granted = _grant_output(wallet, price, prompt_tokens=prompt_tokens, asked=max_output_tokens)
    amount = pricing.cost_micros(price, TokenUsage(prompt_tokens, granted))
    bonus = min(amount, wallet.bonus_micros)
    hold = Hold(
        key=key,
        wallet=wallet,
        price=price,
        prompt_tokens=prompt_tokens,
        max_output_tokens=granted,
        cash_micros=amount - bonus,
        bonus_micros=bonus,
    )
    with _one_user_per_key():
        return _begin_hold(hold)


@transaction.atomic(savepoint=False)
def settle_hold(*, key: str, usage: TokenUsage) -> Hold:
    """Charge what the reply used, at most the hold, give back the rest, and return the hold; exactly once.

    A hold that has ended is returned as it is. Locks the wallet, then the hold. What the usage costs beyond
    the hold is absorbed by us and logged. Never fails for a hold that exists, else raises HoldNotFound.
    """
    hold = _lock_hold(key)
    if hold.status != Hold.Status.HELD:
        return hold
    used = usage.clamped()
    cost = pricing.cost_micros(hold.price, used)
    hold.status = Hold.Status.SETTLED
    hold.input_tokens = used.input_tokens
    hold.cached_input_tokens = used.cached_input_tokens
    hold.output_tokens = used.output_tokens
    hold.settled_micros = min(cost, hold.amount_micros)
    hold.absorbed_micros = cost - hold.settled_micros
    if hold.absorbed_micros:
        logger.warning("hold %s: absorbed %d micro-yuan beyond the held amount", key, hold.absorbed_micros)
    return _end_hold(hold, LedgerTransaction.Kind.SETTLE)


@transaction.atomic(savepoint=False)
def release_hold(*, key: str) -> Hold:
    """Give the whole hold back and return it; one that has ended stays as it is. Locks as settle_hold."""
    hold = _lock_hold(key)
    if hold.status != Hold.Status.HELD:
        return hold
    hold.status = Hold.Status.RELEASED
    return _end_hold(hold, LedgerTransaction.Kind.RELEASE)


@transaction.atomic(durable=True)
def adjust_balance(
    *,
    user: User,
    amount_micros: int,
    actor: User,
    reason: str,
    idempotency_key: str,
    bucket: Account = Account.CASH,
) -> LedgerTransaction:
    """Credit (positive) or debit (negative) cash or bonus by an operator's decision; idempotent by key.

    A debit takes from that bucket alone and never below zero: InsufficientBalance. The same key with other
    content is IdempotencyKeyReused. Locks the wallet.
    """
    if amount_micros == 0:
        raise InvalidInput("调整金额不能为零。", fields={"amount": ["请填写不为零的金额。"]})
    if not 0 < len(reason.strip()) <= REASON_MAX_CHARACTERS:
        raise InvalidInput("请填写调整事由，最多 200 字。", fields={"reason": ["请填写事由，最多 200 字。"]})
    if bucket not in AVAILABLE_ACCOUNTS:
        raise ValueError(f"an adjustment goes to cash or bonus, not to {bucket}")
    wallet = _lock_wallet(open_wallet(user=user).pk)
    wanted = LedgerTransaction(
        kind=LedgerTransaction.Kind.ADJUST,
        key=f"adjust:{idempotency_key}",
        reason=reason.strip(),
        actor=actor,
    )
    movements = {bucket: amount_micros, Account.ADJUST: -amount_micros}
    earlier = LedgerTransaction.objects.filter(key=wanted.key).first()
    if earlier is not None:
        return _same_adjustment(earlier, wanted, wallet, movements)
    balance = wallet.balance_of(bucket)
    if balance + amount_micros < 0:
        raise InsufficientBalance(
            f"{bucket.label}只有 {format_yuan(balance)}，不够扣减 {format_yuan(-amount_micros)}。请减少金额。"
        )
    with _one_user_per_key():
        _post(wanted, wallet, movements)
    return wanted


def _same_adjustment(
    earlier: LedgerTransaction, wanted: LedgerTransaction, wallet: Wallet, movements: Mapping[Account, int]
) -> LedgerTransaction:
    """Return the earlier adjustment if it is the one that is wanted again, else refuse the key."""
    entries = {(entry.account, entry.wallet_id): entry.amount_micros for entry in earlier.entries.all()}
    expected = {
        (account.value, wallet.pk if account in WALLET_ACCOUNTS else None): amount
        for account, amount in movements.items()
    }
    if entries != expected or (earlier.reason, earlier.actor_id) != (wanted.reason, wanted.actor_id):
        raise IdempotencyKeyReused
    return earlier


@contextmanager
def _one_user_per_key() -> Iterator[None]:
    """Refuse a key that another user took since we looked: only the own wallet's lock makes others wait."""
    try:
        yield
    except IntegrityError as error:
        collision = error.__cause__
        if isinstance(collision, UniqueViolation) and collision.diag.constraint_name in _UNIQUE_KEYS:
            raise IdempotencyKeyReused from error
        raise


def _is_trial_due(user: User) -> bool:
    amount = settings.TRIAL_GRANT_MICROS
    return (
        amount > 0
        and bool(user.person_key)
        and not trial.was_granted(user.person_key)
        and trial.fits_budget(amount)
    )


def _grant_trial(*, wallet_id: int, user: User) -> Wallet:
    """Lock the wallet and the day's budget, check again, and grant the trial if it is still due."""
    wallet = _lock_wallet(wallet_id)
    _lock_trial_budget()
    if wallet.has_trial or not _is_trial_due(user):
        return wallet
    amount = settings.TRIAL_GRANT_MICROS
    grant = TrialGrant.objects.create(
        wallet=wallet, fingerprint=trial.fingerprint(user.person_key), amount_micros=amount
    )
    posting = LedgerTransaction(
        kind=LedgerTransaction.Kind.TRIAL, key=f"trial:{grant.fingerprint}", reason="新用户体验金"
    )
    _post(posting, wallet, {Account.BONUS: amount, Account.PROMO: -amount})
    return wallet


def _grant_output(wallet: Wallet, price: Price, *, prompt_tokens: int, asked: int) -> int:
    """Return how many output tokens the balance pays for, at most what is asked."""
    balance = wallet.available_micros
    granted = pricing.affordable_output_tokens(
        price, balance_micros=balance, prompt_tokens=prompt_tokens, limit=asked
    )
    if granted < min(MINIMUM_OUTPUT_TOKENS, asked):
        raise InsufficientCredit(
            f"余额不足：可用余额 {format_yuan(balance)}，不够支付一次回答。请联系管理员充值。"
        )
    return granted


def _same_hold(earlier: Hold, wallet: Wallet, *, model: str, prompt_tokens: int) -> Hold:
    """Return the earlier hold if it is the one that is wanted again, else refuse the key."""
    first = (earlier.wallet_id, earlier.price.model, earlier.prompt_tokens)
    if first != (wallet.pk, model, prompt_tokens):
        raise IdempotencyKeyReused
    earlier.wallet = wallet
    return earlier


def _begin_hold(hold: Hold) -> Hold:
    """Write the hold and the transaction that sets its two parts aside."""
    hold.save(force_insert=True)
    movements = {
        Account.BONUS: -hold.bonus_micros,
        Account.BONUS_HELD: hold.bonus_micros,
        Account.CASH: -hold.cash_micros,
        Account.CASH_HELD: hold.cash_micros,
    }
    posting = LedgerTransaction(kind=LedgerTransaction.Kind.HOLD, key=f"hold:{hold.key}")
    _post(posting, hold.wallet, movements)
    return hold


def _end_hold(hold: Hold, kind: LedgerTransaction.Kind) -> Hold:
    """Write the hold's end and its one closing transaction: bonus pays first, the rest goes back."""
    hold.settled_at = timezone.now()
    hold.save(update_fields=_CLOSING_FIELDS)
    bonus_paid = min(hold.settled_micros, hold.bonus_micros)
    cash_paid = hold.settled_micros - bonus_paid
    movements = {
        Account.BONUS_HELD: -hold.bonus_micros,
        Account.REVENUE_BONUS: bonus_paid,
        Account.BONUS: hold.bonus_micros - bonus_paid,
        Account.CASH_HELD: -hold.cash_micros,
        Account.REVENUE: cash_paid,
        Account.CASH: hold.cash_micros - cash_paid,
    }
    _post(LedgerTransaction(kind=kind, key=f"settle:{hold.key}"), hold.wallet, movements)
    return hold


def _post(posting: LedgerTransaction, wallet: Wallet, movements: Mapping[Account, int]) -> None:
    """Write one transaction with an entry for each movement that is not zero; nothing where nothing moves.

    The wallet must be locked. PostgreSQL's posting trigger moves its buckets; the object follows here.
    """
    moved = {account: amount for account, amount in movements.items() if amount}
    if not moved:
        return
    posting.save(force_insert=True)
    entries = [
        LedgerEntry(
            transaction=posting,
            account=account,
            wallet=wallet if account in WALLET_ACCOUNTS else None,
            amount_micros=amount,
        )
        for account, amount in moved.items()
    ]
    LedgerEntry.objects.bulk_create(entries)
    for account, amount in moved.items():
        if account in WALLET_ACCOUNTS:
            setattr(wallet, f"{account.value}_micros", wallet.balance_of(account) + amount)


def _lock_wallet(wallet_id: int) -> Wallet:
    return Wallet.objects.select_for_update(no_key=True).get(pk=wallet_id)


def _lock_wallet_of(user: User) -> Wallet:
    """Lock the user's wallet; one that is not open yet, or may yet get the trial, is opened first."""
    wallet = _wallet_of_user.row(user=user.pk)
    if wallet is not None and wallet.has_trial:
        return wallet
    return _lock_wallet(open_wallet(user=user).pk)


def _lock_hold(key: str) -> Hold:
    """Lock the hold's wallet and then the hold, and return it as it is now, with its wallet and its price."""
    wallet = _wallet_of_hold.row(key=key)
    if wallet is None or (hold := _hold_of_key.row(key=key)) is None:
        raise HoldNotFound
    hold.wallet = wallet
    return hold


def _lock_trial_budget() -> None:
    """Let one transaction at a time grant trials, until it commits; taken after the wallet's lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_TRIAL_BUDGET_LOCK])
