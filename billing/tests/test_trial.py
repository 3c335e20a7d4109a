"""A wallet opens on first use, and the trial comes once per person for ever, within the day's budget."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.models import User
from accounts.tests.factories import make_user
from billing import trial
from billing.models import LedgerEntry, LedgerTransaction, TrialGrant, Wallet
from billing.services import open_wallet
from billing.tests.factories import YUAN, buckets, make_stranger

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _trial_of_ten_yuan(settings) -> None:
    settings.TRIAL_GRANT_MICROS = 10 * YUAN
    settings.TRIAL_DAILY_BUDGET_MICROS = 1000 * YUAN
    settings.TRIAL_HMAC_KEY = "a-key-of-the-operator"


def test_the_first_use_opens_the_wallet_with_the_trial_as_its_first_entry() -> None:
    user = make_user("confucius@example.com")

    wallet = open_wallet(user=user)

    assert buckets(wallet) == {"bonus": 10 * YUAN}
    assert wallet.available_micros == 10 * YUAN
    first = LedgerTransaction.objects.get(entries__wallet=wallet)
    assert (first.kind, first.reason) == ("trial", "新用户体验金")
    entries = first.entries.values_list("account", "wallet", "amount_micros", "balance_after_micros")
    assert sorted(entries) == [("bonus", wallet.pk, 10 * YUAN, 10 * YUAN), ("promo", None, -10 * YUAN, None)]


def test_opening_again_returns_the_same_wallet_and_grants_nothing_more() -> None:
    user = make_user()
    wallet = open_wallet(user=user)

    again = open_wallet(user=user)

    assert again == wallet
    assert buckets(again) == {"bonus": 10 * YUAN}
    assert LedgerTransaction.objects.count() == 1


def test_opening_again_costs_one_query(django_assert_num_queries) -> None:
    user = make_user()
    open_wallet(user=user)

    with django_assert_num_queries(1):
        open_wallet(user=user)


def test_the_fingerprint_recognises_the_person_and_names_nobody() -> None:
    user = make_user("confucius@example.com")

    open_wallet(user=user)

    fingerprint = TrialGrant.objects.get().fingerprint
    assert fingerprint == "8a050a0f3fd9b99ef20f811c24a4a69808011719ca942eeb7742fd197e70914d"
    assert fingerprint != trial.fingerprint("email:laozi@example.com")
    assert "confucius" not in LedgerTransaction.objects.get().key


def test_a_person_without_a_proven_identity_gets_a_wallet_but_no_trial() -> None:
    user = make_stranger()

    wallet = open_wallet(user=user)

    assert buckets(wallet) == {}
    assert not TrialGrant.objects.exists()


def test_the_trial_comes_later_when_the_address_is_proven_later() -> None:
    user = make_stranger()
    open_wallet(user=user)
    user.email_verified_at = timezone.now()
    user.save()

    wallet = open_wallet(user=user)

    assert buckets(wallet) == {"bonus": 10 * YUAN}


def test_a_second_account_of_the_same_person_gets_no_trial() -> None:
    first = make_user("confucius@example.com")
    open_wallet(user=first)
    User.objects.filter(pk=first.pk).update(email="old@example.com")
    second = make_user("confucius@example.com")

    wallet = open_wallet(user=second)

    assert buckets(wallet) == {}
    assert TrialGrant.objects.count() == 1


def test_a_wallet_gets_no_second_trial_under_a_new_identity() -> None:
    user = make_user("confucius@example.com")
    open_wallet(user=user)
    user.email = "kongzi@example.com"
    user.save()

    wallet = open_wallet(user=user)

    assert buckets(wallet) == {"bonus": 10 * YUAN}
    assert TrialGrant.objects.count() == 1


def test_an_operator_who_sets_the_trial_to_zero_grants_none(settings) -> None:
    settings.TRIAL_GRANT_MICROS = 0

    wallet = open_wallet(user=make_user())

    assert buckets(wallet) == {}
    assert not LedgerTransaction.objects.exists()


def test_an_exhausted_budget_opens_the_wallet_without_the_trial_and_grants_it_when_there_is_budget(
    settings,
) -> None:
    settings.TRIAL_DAILY_BUDGET_MICROS = 25 * YUAN
    lucky = [open_wallet(user=make_user()) for _ in range(2)]
    late = make_user()

    refused = open_wallet(user=late)
    settings.TRIAL_DAILY_BUDGET_MICROS = 30 * YUAN
    granted = open_wallet(user=late)

    assert [wallet.bonus_micros for wallet in lucky] == [10 * YUAN, 10 * YUAN]
    assert (refused.bonus_micros, granted.bonus_micros) == (0, 10 * YUAN)


def test_the_budget_counts_from_midnight_in_shanghai(settings) -> None:
    settings.TRIAL_DAILY_BUDGET_MICROS = 10 * YUAN
    zone = ZoneInfo("Asia/Shanghai")
    yesterday = datetime(2026, 3, 1, 23, 59, 59, tzinfo=zone)
    TrialGrant.objects.create(
        fingerprint="0" * 64,
        wallet=Wallet.objects.create(user=make_stranger()),
        amount_micros=10 * YUAN,
        created_at=yesterday,
    )

    before_midnight = trial.fits_budget(10 * YUAN, at=yesterday)
    after_midnight = trial.fits_budget(10 * YUAN, at=datetime(2026, 3, 2, 0, 0, tzinfo=zone))
    still_yesterday_in_utc = trial.fits_budget(
        10 * YUAN, at=datetime(2026, 3, 1, 16, 0, tzinfo=ZoneInfo("UTC"))
    )

    assert (before_midnight, after_midnight, still_yesterday_in_utc) == (False, True, True)


def test_the_ledger_names_the_trial_once_per_account() -> None:
    for _ in range(3):
        open_wallet(user=make_user())

    promo = LedgerEntry.objects.filter(account="promo").values_list("amount_micros", flat=True)
    assert list(promo) == [-10 * YUAN] * 3
