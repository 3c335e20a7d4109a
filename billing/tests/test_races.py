"""What must happen once happens once, and no balance is spent twice, when everybody comes at the same moment.

Each race has a control that takes the lock away and shows that the race is real.
"""

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError

from accounts.models import User
from accounts.tests.factories import make_operator, make_user
from billing import services
from billing.audit import audit_ledger
from billing.errors import IdempotencyKeyReused, InsufficientCredit
from billing.models import Hold, LedgerTransaction, TrialGrant, Wallet
from billing.pricing import TokenUsage
from billing.services import adjust_balance, hold_credit, open_wallet, release_hold, settle_hold
from billing.tests.factories import YUAN, buckets, make_price, make_stranger, make_wallet
from guoxue.tests.racing import meeting_after, run_together, winners

pytestmark = pytest.mark.django_db(transaction=True)

REPLY_MICROS = 12_768


@pytest.fixture(autouse=True)
def _trial_of_ten_yuan(settings) -> None:
    settings.TRIAL_GRANT_MICROS = 10 * YUAN
    settings.TRIAL_DAILY_BUDGET_MICROS = 1000 * YUAN


@pytest.fixture(autouse=True)
def _books_are_right_afterwards() -> Any:
    yield
    assert [finding.title for finding in audit_ledger() if finding.deviations] == []


def holding(user: User, key: str) -> Callable[[], Hold]:
    """A job that holds exactly REPLY_MICROS, which cannot be lowered: it asks for the least output."""
    return partial(
        hold_credit, key=key, user=user, model="paid-model", prompt_tokens=6000, max_output_tokens=256
    )


def unlocked_wallet(wallet_id: int) -> Wallet:
    return Wallet.objects.get(pk=wallet_id)


def unlocked_hold(key: str) -> Hold:
    return Hold.objects.select_related("price", "wallet").get(key=key)


def errors_among(results: list[Any]) -> list[type]:
    return [type(result) for result in results if isinstance(result, Exception)]


def test_first_uses_at_once_open_one_wallet_with_one_trial() -> None:
    user = make_user()

    results = run_together([partial(open_wallet, user=user)] * 6)

    assert {result.pk for result in results} == {user.wallet.pk}
    assert buckets(user.wallet) == {"bonus": 10 * YUAN}
    assert TrialGrant.objects.count() == LedgerTransaction.objects.count() == 1


def test_accounts_of_one_person_that_come_at_once_get_one_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(User, "person_key", "wechat:the-same-person")
    users = [make_user() for _ in range(4)]

    run_together([partial(open_wallet, user=user) for user in users])

    assert sorted(buckets(user.wallet).get("bonus", 0) for user in users) == [0, 0, 0, 10 * YUAN]


def test_control_without_the_locks_only_the_unique_fingerprint_stops_a_second_trial(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    user = make_user()
    Wallet.objects.create(user_id=user.pk)
    monkeypatch.setattr(services, "_lock_wallet", meeting_after(unlocked_wallet, parties=2))
    monkeypatch.setattr(services, "_lock_trial_budget", lambda: None)
    monkeypatch.setattr(services, "_is_trial_due", meeting_after(services._is_trial_due, parties=2))

    results = run_together([partial(open_wallet, user=user)] * 2)

    assert errors_among(results) == [IntegrityError]
    assert buckets(user.wallet) == {"bonus": 10 * YUAN}


def test_the_daily_budget_holds_when_many_come_at_once(settings) -> None:
    settings.TRIAL_DAILY_BUDGET_MICROS = 25 * YUAN
    users = [make_user() for _ in range(6)]

    run_together([partial(open_wallet, user=user) for user in users])

    assert TrialGrant.objects.count() == 2
    assert Wallet.objects.count() == 6


def test_control_without_its_lock_the_daily_budget_is_overdrawn(
    settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.TRIAL_DAILY_BUDGET_MICROS = 10 * YUAN
    users = [make_user() for _ in range(2)]
    for user in users:
        Wallet.objects.create(user_id=user.pk)
    monkeypatch.setattr(services, "_lock_trial_budget", lambda: None)
    monkeypatch.setattr(services, "_is_trial_due", meeting_after(services._is_trial_due, parties=2))

    run_together([partial(open_wallet, user=user) for user in users])

    assert TrialGrant.objects.count() == 2


def test_parallel_holds_never_overspend_the_wallet() -> None:
    make_price()
    wallet = make_wallet(cash_micros=2 * REPLY_MICROS, bonus_micros=REPLY_MICROS + 5)

    results = run_together([holding(wallet.user, f"reply:{number}") for number in range(8)])

    assert errors_among(results) == [InsufficientCredit] * 5
    assert buckets(wallet) == {
        "cash": 5,
        "cash_held": 2 * REPLY_MICROS - 5,
        "bonus_held": REPLY_MICROS + 5,
    }


def test_control_without_the_lock_only_the_check_constraint_stops_the_overspending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_price()
    wallet = make_wallet(cash_micros=REPLY_MICROS)
    monkeypatch.setattr(
        services, "_lock_wallet_of", meeting_after(lambda user: Wallet.objects.get(user=user), parties=2)
    )

    results = run_together([holding(wallet.user, f"reply:{number}") for number in range(2)])

    assert errors_among(results) == [IntegrityError]
    assert buckets(wallet) == {"cash_held": REPLY_MICROS}


def test_the_same_hold_asked_for_at_once_is_one_hold() -> None:
    make_price()
    wallet = make_wallet(cash_micros=YUAN)

    results = run_together([holding(wallet.user, "reply:1")] * 6)

    assert {result.pk for result in results} == {Hold.objects.get().pk}
    assert buckets(wallet) == {"cash": YUAN - REPLY_MICROS, "cash_held": REPLY_MICROS}


@pytest.mark.parametrize("writer", ["_begin_hold", "_post"])
def test_of_two_users_with_one_key_at_once_the_second_is_refused(
    monkeypatch: pytest.MonkeyPatch, writer: str
) -> None:
    make_price()
    operator = make_operator()
    users = [make_wallet(cash_micros=YUAN).user for _ in range(2)]
    jobs = {
        "_begin_hold": [holding(user, "same") for user in users],
        "_post": [
            partial(
                adjust_balance,
                user=user,
                amount_micros=5,
                actor=operator,
                reason="零头",
                idempotency_key="same",
            )
            for user in users
        ],
    }
    write, meet = getattr(services, writer), meeting_after(lambda: None, parties=2)
    monkeypatch.setattr(services, writer, lambda *arguments: (meet(), write(*arguments))[1])

    results = run_together(jobs[writer])

    assert errors_among(results) == [IdempotencyKeyReused]
    assert len(winners(results)) == 1
    untouched = [user for user in users if buckets(user.wallet) == {"cash": YUAN}]
    assert len(untouched) == 1


def test_a_hold_settles_exactly_once_when_everybody_ends_it_at_once() -> None:
    make_price()
    wallet = make_wallet(cash_micros=YUAN)
    holding(wallet.user, "reply:1")()
    ends = [partial(settle_hold, key="reply:1", usage=TokenUsage(1000 * n, 100)) for n in range(1, 6)]

    results = run_together([*ends, partial(release_hold, key="reply:1")])

    assert errors_among(results) == []
    final = Hold.objects.get()
    outcomes = {(result.status, result.settled_micros, result.input_tokens) for result in results}
    assert outcomes == {(final.status, final.settled_micros, final.input_tokens)}
    expected = YUAN - final.settled_micros
    assert buckets(wallet) == {"cash": expected}
    assert LedgerTransaction.objects.filter(key="settle:reply:1").count() == 1


def test_control_without_the_lock_two_settlements_collide(monkeypatch: pytest.MonkeyPatch) -> None:
    make_price()
    wallet = make_wallet(cash_micros=YUAN)
    holding(wallet.user, "reply:1")()
    monkeypatch.setattr(services, "_lock_hold", meeting_after(unlocked_hold, parties=2))

    results = run_together([partial(settle_hold, key="reply:1", usage=TokenUsage(1000, 100))] * 2)

    assert errors_among(results) == [IntegrityError]
    assert buckets(wallet) == {"cash": YUAN - 2_300}


def test_the_same_adjustment_submitted_at_once_moves_money_once() -> None:
    user, operator = make_stranger(), make_operator()
    adjust = partial(
        adjust_balance, user=user, amount_micros=YUAN, actor=operator, reason="补偿", idempotency_key="k1"
    )

    results = run_together([adjust] * 5)

    assert {result.pk for result in results} == {LedgerTransaction.objects.get().pk}
    assert buckets(user.wallet) == {"cash": YUAN}


def test_a_mixed_storm_on_one_wallet_leaves_the_books_right() -> None:
    make_price()
    wallet = make_wallet(cash_micros=5 * REPLY_MICROS, bonus_micros=3 * REPLY_MICROS)
    operator = make_operator()

    def reply(number: int) -> None:
        for turn in range(4):
            key = f"reply:{number}:{turn}"
            holding(wallet.user, key)()
            if turn % 2:
                settle_hold(key=key, usage=TokenUsage(100 * number, 10))
            else:
                release_hold(key=key)
            adjust_balance(
                user=wallet.user, amount_micros=1, actor=operator, reason="零头", idempotency_key=uuid4().hex
            )

    results = run_together([partial(reply, number) for number in range(1, 7)])

    assert errors_among(results) == []
    spent = sum(2 * (200 * number + 30) for number in range(1, 7))
    assert Wallet.objects.get(pk=wallet.pk).available_micros == 8 * REPLY_MICROS - spent + 24
