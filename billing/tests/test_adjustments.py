"""An operator's adjustment moves one bucket, once, with a reason and a name, and never below zero."""

import pytest
from django.db import transaction

from accounts.tests.factories import make_operator, make_user
from billing.errors import IdempotencyKeyReused, InsufficientBalance
from billing.models import Account, LedgerTransaction
from billing.services import adjust_balance
from billing.tests.factories import YUAN, buckets, make_stranger, make_wallet
from guoxue.errors import InvalidInput

pytestmark = pytest.mark.django_db


def test_a_credit_goes_to_cash_and_is_explained_in_the_ledger() -> None:
    user, operator = make_stranger(), make_operator()

    adjustment = adjust_balance(
        user=user, amount_micros=12_500_000, actor=operator, reason=" 补偿 ", idempotency_key="k1"
    )

    assert buckets(user.wallet) == {"cash": 12_500_000}
    assert (adjustment.kind, adjustment.reason, adjustment.actor) == ("adjust", "补偿", operator)
    entries = adjustment.entries.values_list("account", "amount_micros")
    assert dict(entries) == {"cash": 12_500_000, "adjust": -12_500_000}


def test_a_credit_may_go_to_bonus() -> None:
    user = make_stranger()

    adjust_balance(
        user=user,
        amount_micros=YUAN,
        actor=make_operator(),
        reason="活动",
        idempotency_key="k1",
        bucket=Account.BONUS,
    )

    assert buckets(user.wallet) == {"bonus": YUAN}


def test_a_credit_to_somebody_new_comes_after_the_trial(settings) -> None:
    settings.TRIAL_GRANT_MICROS = 10 * YUAN
    user = make_user()

    adjust_balance(user=user, amount_micros=YUAN, actor=make_operator(), reason="补偿", idempotency_key="k1")

    assert buckets(user.wallet) == {"bonus": 10 * YUAN, "cash": YUAN}
    kinds = LedgerTransaction.objects.order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["trial", "adjust"]


def test_a_debit_takes_from_its_bucket_alone() -> None:
    wallet = make_wallet(cash_micros=3 * YUAN, bonus_micros=5 * YUAN)

    adjust_balance(
        user=wallet.user, amount_micros=-3 * YUAN, actor=make_operator(), reason="更正", idempotency_key="k1"
    )

    assert buckets(wallet) == {"bonus": 5 * YUAN}


def test_a_debit_below_zero_is_refused_even_if_the_other_bucket_has_money() -> None:
    wallet = make_wallet(cash_micros=3 * YUAN, bonus_micros=5 * YUAN)
    before = LedgerTransaction.objects.count()

    with pytest.raises(InsufficientBalance) as refusal:
        adjust_balance(
            user=wallet.user,
            amount_micros=-3 * YUAN - 1,
            actor=make_operator(),
            reason="更正",
            idempotency_key="k1",
        )

    assert (refusal.value.status, refusal.value.code) == (409, "insufficient_balance")
    assert refusal.value.message == "现金余额只有 ¥3.00，不够扣减 ¥3.00。请减少金额。"
    assert buckets(wallet) == {"cash": 3 * YUAN, "bonus": 5 * YUAN}
    assert LedgerTransaction.objects.count() == before


def test_the_same_key_with_the_same_content_moves_money_once() -> None:
    user, operator = make_stranger(), make_operator()
    wanted = {
        "user": user,
        "amount_micros": YUAN,
        "actor": operator,
        "reason": "补偿",
        "idempotency_key": "k1",
    }
    first = adjust_balance(**wanted)

    second = adjust_balance(**wanted)

    assert second == first
    assert buckets(user.wallet) == {"cash": YUAN}


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_micros": 2 * YUAN},
        {"reason": "别的事由"},
        {"bucket": Account.BONUS},
        {"user": "somebody else"},
        {"actor": "somebody else"},
    ],
)
def test_the_same_key_with_other_content_is_a_conflict(changes: dict[str, object]) -> None:
    user = make_stranger()
    wanted = {
        "user": user,
        "amount_micros": YUAN,
        "actor": make_operator(),
        "reason": "补偿",
        "idempotency_key": "k1",
    }
    adjust_balance(**wanted)
    others = {name: make_operator() if value == "somebody else" else value for name, value in changes.items()}

    with pytest.raises(IdempotencyKeyReused):
        adjust_balance(**{**wanted, **others})

    assert buckets(user.wallet) == {"cash": YUAN}
    assert LedgerTransaction.objects.filter(kind="adjust").count() == 1


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"amount_micros": 0}, "amount"), ({"reason": "  "}, "reason"), ({"reason": "长" * 201}, "reason")],
)
def test_an_adjustment_of_nothing_or_without_a_reason_is_refused(
    changes: dict[str, object], field: str
) -> None:
    user = make_stranger()
    wanted = {
        "user": user,
        "amount_micros": YUAN,
        "actor": make_operator(),
        "reason": "补偿",
        "idempotency_key": "k1",
    }

    with pytest.raises(InvalidInput) as refusal:
        adjust_balance(**{**wanted, **changes})

    assert list(refusal.value.fields) == [field]
    assert not LedgerTransaction.objects.exists()


@pytest.mark.parametrize("bucket", [Account.CASH_HELD, Account.REFUNDING, Account.REVENUE])
def test_only_cash_and_bonus_can_be_adjusted(bucket: Account) -> None:
    with pytest.raises(ValueError, match="cash or bonus"):
        adjust_balance(
            user=make_stranger(),
            amount_micros=YUAN,
            actor=make_operator(),
            reason="补偿",
            idempotency_key="k1",
            bucket=bucket,
        )


@pytest.mark.django_db(transaction=True)
def test_an_adjustment_refuses_to_run_inside_another_transaction() -> None:
    user, operator = make_stranger(), make_operator()

    with pytest.raises(RuntimeError, match="durable"), transaction.atomic(durable=True):
        adjust_balance(user=user, amount_micros=YUAN, actor=operator, reason="补偿", idempotency_key="k1")

    assert not LedgerTransaction.objects.exists()
