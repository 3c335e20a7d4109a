"""PostgreSQL keeps the terms on which money was held, priced and granted."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from billing.models import Hold, Price, TrialGrant
from billing.pricing import TokenUsage
from billing.services import hold_credit, settle_hold
from billing.tests.factories import YUAN, make_price, make_wallet
from billing.tests.raw_sql import execute, refuses

pytestmark = pytest.mark.django_db


@pytest.fixture
def held() -> Hold:
    make_price()
    wallet = make_wallet(cash_micros=3 * YUAN, bonus_micros=YUAN)
    return hold_credit(
        key="reply:1", user=wallet.user, model="paid-model", prompt_tokens=6000, max_output_tokens=2000
    )


def test_trial_grants_and_holds_stay(held: Hold) -> None:
    TrialGrant.objects.create(fingerprint="0" * 64, wallet=held.wallet, amount_micros=1)

    refuses("DELETE FROM billing_trialgrant", "refuses DELETE")
    refuses("UPDATE billing_trialgrant SET fingerprint = 'x'", "refuses UPDATE")
    refuses("DELETE FROM billing_hold", "refuses DELETE")

    assert (TrialGrant.objects.count(), Hold.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    "change", ["bonus_micros = 0", "price_id = price_id + 1", "key = 'x'", "wallet_id = 0"]
)
def test_a_running_hold_keeps_its_terms(held: Hold, change: str) -> None:
    refuses(f"UPDATE billing_hold SET {change}", "keeps its terms")

    assert Hold.objects.get() == held


def test_an_ended_hold_cannot_be_opened_or_changed_again(held: Hold) -> None:
    settle_hold(key=held.key, usage=TokenUsage(1000, 100))

    refuses("UPDATE billing_hold SET settled_micros = 0", "has ended")
    refuses(
        "UPDATE billing_hold SET status = 'held', settled_at = NULL, settled_micros = 0, input_tokens = NULL,"
        " cached_input_tokens = NULL, output_tokens = NULL",
        "has ended",
    )

    assert Hold.objects.get().settled_micros == 2_300


@pytest.mark.parametrize(
    ("change", "because"),
    [
        ("status = 'settled'", "hold_status_consistent"),
        ("status = 'lost'", "hold_status_consistent"),
        ("status = 'released'", "hold_status_consistent"),
        ("settled_micros = 1", "hold_status_consistent"),
        ("status = 'released', settled_at = now(), settled_micros = 1", "hold_status_consistent"),
        (
            "status = 'settled', settled_at = now(), settled_micros = 18001, input_tokens = 1,"
            " cached_input_tokens = 0, output_tokens = 1",
            "hold_settled_within_hold",
        ),
        (
            "status = 'settled', settled_at = now(), settled_micros = 1, absorbed_micros = 1,"
            " input_tokens = 1, cached_input_tokens = 0, output_tokens = 1",
            "hold_absorbed_only_beyond_hold",
        ),
        (
            "status = 'settled', settled_at = now(),"
            " input_tokens = 1, cached_input_tokens = 2, output_tokens = 1",
            "hold_cached_within_input",
        ),
    ],
)
def test_a_hold_cannot_end_inconsistently(held: Hold, change: str, because: str) -> None:
    refuses(f"UPDATE billing_hold SET {change}", because)

    assert Hold.objects.get().status == "held"


def test_a_price_in_force_can_neither_be_changed_nor_deleted() -> None:
    price = make_price("mine")

    refuses(f"UPDATE billing_price SET output_price_micros = 1 WHERE id = {price.pk}", "is in force")
    refuses(f"DELETE FROM billing_price WHERE id = {price.pk}", "is in force")

    assert Price.objects.get(pk=price.pk).output_price_micros == 3 * YUAN


def test_a_price_that_is_still_to_come_can_be_corrected_and_withdrawn() -> None:
    price = make_price("mine", valid_from=timezone.now() + timedelta(days=1))

    execute(f"UPDATE billing_price SET output_price_micros = 1 WHERE id = {price.pk}")
    corrected = Price.objects.get(pk=price.pk).output_price_micros
    execute(f"DELETE FROM billing_price WHERE id = {price.pk}")

    assert corrected == 1
    assert not Price.objects.filter(model="mine").exists()


@pytest.mark.parametrize(
    "change", [{"input_micros": -1}, {"cached_input_micros": -1}, {"output_micros": 10**12 + 1}]
)
def test_a_price_out_of_range_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(IntegrityError, match="in_range"), transaction.atomic(durable=True):
        make_price("mine", **change)

    assert not Price.objects.filter(model="mine").exists()


def test_two_versions_of_a_price_cannot_start_at_the_same_moment() -> None:
    price = make_price("mine")

    with pytest.raises(IntegrityError, match="one_version_per_moment"), transaction.atomic(durable=True):
        make_price("mine", valid_from=price.valid_from)

    assert Price.objects.filter(model="mine").count() == 1
