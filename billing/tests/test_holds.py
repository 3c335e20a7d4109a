"""A hold sets the worst case aside, and ends once: settled at most at its amount, or released."""

import logging
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.tests.factories import make_user
from billing.errors import HoldNotFound, IdempotencyKeyReused, InsufficientCredit, ModelNotPriced
from billing.models import Hold, LedgerEntry, LedgerTransaction, Wallet
from billing.pricing import TokenUsage
from billing.services import hold_credit, release_hold, settle_hold
from billing.tests.factories import YUAN, buckets, make_price, make_wallet

pytestmark = pytest.mark.django_db


def hold(wallet: Wallet, key: str = "reply:1", **changes: object) -> Hold:
    """Hold for a prompt of 6000 tokens and 2000 of output at deepseek-chat's rates: 18 000 micros."""
    wanted = {"model": "paid-model", "prompt_tokens": 6000, "max_output_tokens": 2000, **changes}
    return hold_credit(key=key, user=wallet.user, **wanted)


def entries_of(key: str) -> dict[str, int]:
    return dict(LedgerEntry.objects.filter(transaction__key=key).values_list("account", "amount_micros"))


def test_a_hold_sets_the_worst_case_price_aside() -> None:
    price, wallet = make_price(), make_wallet(cash_micros=YUAN)

    held = hold(wallet)

    assert (held.amount_micros, held.cash_micros, held.bonus_micros) == (18_000, 18_000, 0)
    assert (held.status, held.price, held.prompt_tokens, held.max_output_tokens) == (
        "held",
        price,
        6000,
        2000,
    )
    assert buckets(wallet) == {"cash": 982_000, "cash_held": 18_000}
    assert (held.wallet.available_micros, held.wallet.held_micros) == (982_000, 18_000)
    assert entries_of("hold:reply:1") == {"cash": -18_000, "cash_held": 18_000}


def test_a_hold_opens_the_wallet_with_the_trial_on_first_use(settings) -> None:
    settings.TRIAL_GRANT_MICROS = 10 * YUAN
    make_price()

    held = hold_credit(
        key="reply:1", user=make_user(), model="paid-model", prompt_tokens=6000, max_output_tokens=2000
    )

    assert buckets(held.wallet) == {"bonus": 9_982_000, "bonus_held": 18_000}
    kinds = LedgerTransaction.objects.order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["trial", "hold"]


def test_a_hold_takes_bonus_before_cash() -> None:
    make_price()
    wallet = make_wallet(cash_micros=YUAN, bonus_micros=5_000)

    held = hold(wallet)

    assert (held.bonus_micros, held.cash_micros) == (5_000, 13_000)
    assert buckets(wallet) == {"cash": 987_000, "cash_held": 13_000, "bonus_held": 5_000}


def test_settling_charges_the_usage_and_gives_the_rest_back() -> None:
    make_price()
    wallet = make_wallet(cash_micros=YUAN)
    hold(wallet)

    settled = settle_hold(key="reply:1", usage=TokenUsage(5000, 700, cached_input_tokens=1000))

    assert (settled.status, settled.settled_micros, settled.absorbed_micros) == ("settled", 10_300, 0)
    assert (settled.input_tokens, settled.cached_input_tokens, settled.output_tokens) == (5000, 1000, 700)
    assert settled.settled_at is not None
    assert settled.wallet.available_micros == 989_700
    assert buckets(wallet) == {"cash": 989_700}
    assert entries_of("settle:reply:1") == {"cash_held": -18_000, "cash": 7_700, "revenue": 10_300}


@pytest.mark.parametrize(
    ("bonus", "output_tokens", "closing", "left"),
    [
        (
            5_000,
            0,
            {
                "bonus_held": -5_000,
                "revenue_bonus": 5_000,
                "cash_held": -13_000,
                "cash": 6_000,
                "revenue": 7_000,
            },
            {"cash": 993_000},
        ),
        (
            15_000,
            0,
            {
                "bonus_held": -15_000,
                "revenue_bonus": 12_000,
                "bonus": 3_000,
                "cash_held": -3_000,
                "cash": 3_000,
            },
            {"cash": YUAN, "bonus": 3_000},
        ),
        (
            15_000,
            2000,
            {"bonus_held": -15_000, "revenue_bonus": 15_000, "cash_held": -3_000, "revenue": 3_000},
            {"cash": 997_000},
        ),
        (
            18_000,
            1000,
            {"bonus_held": -18_000, "revenue_bonus": 15_000, "bonus": 3_000},
            {"cash": YUAN, "bonus": 3_000},
        ),
    ],
)
def test_settling_spends_bonus_before_cash(
    bonus: int, output_tokens: int, closing: dict[str, int], left: dict[str, int]
) -> None:
    make_price()
    wallet = make_wallet(cash_micros=YUAN, bonus_micros=bonus)
    hold(wallet)

    settle_hold(key="reply:1", usage=TokenUsage(6000, output_tokens))

    assert entries_of("settle:reply:1") == closing
    assert buckets(wallet) == left


def test_settling_never_exceeds_the_hold_and_logs_what_we_absorb(caplog: pytest.LogCaptureFixture) -> None:
    make_price()
    wallet = make_wallet(cash_micros=YUAN)
    hold(wallet)

    with caplog.at_level(logging.WARNING, logger="billing.services"):
        settled = settle_hold(key="reply:1", usage=TokenUsage(7000, 2500))

    assert (settled.settled_micros, settled.absorbed_micros) == (18_000, 3_500)
    assert buckets(wallet) == {"cash": 982_000}
    assert [record.getMessage() for record in caplog.records] == [
        "hold reply:1: absorbed 3500 micro-yuan beyond the held amount"
    ]


def test_an_impossible_usage_still_settles() -> None:
    make_price()
    wallet = make_wallet(cash_micros=YUAN)
    hold(wallet)

    settled = settle_hold(key="reply:1", usage=TokenUsage(-5, 100, cached_input_tokens=10**15))

    assert (settled.status, settled.settled_micros) == ("settled", 300)
    assert (settled.input_tokens, settled.cached_input_tokens) == (0, 0)


def test_an_absurd_usage_is_absorbed_and_not_refused() -> None:
    make_price(input_micros=10**12, cached_input_micros=10**12, output_micros=10**12)
    wallet = make_wallet(cash_micros=1000 * 1000 * YUAN)
    hold(wallet, prompt_tokens=1, max_output_tokens=1)

    settled = settle_hold(key="reply:1", usage=TokenUsage(10**15, 10**15))

    assert settled.settled_micros == 2 * YUAN
    assert settled.absorbed_micros == (2 * (2**31 - 1) - 2) * YUAN


def test_releasing_gives_everything_back() -> None:
    make_price()
    wallet = make_wallet(cash_micros=YUAN, bonus_micros=5_000)
    hold(wallet)

    released = release_hold(key="reply:1")

    assert (released.status, released.settled_micros, released.output_tokens) == ("released", 0, None)
    assert buckets(wallet) == {"cash": YUAN, "bonus": 5_000}
    assert LedgerTransaction.objects.get(key="settle:reply:1").kind == "release"


def test_settling_again_returns_the_first_result() -> None:
    make_price()
    wallet = make_wallet(cash_micros=YUAN)
    hold(wallet)
    first = settle_hold(key="reply:1", usage=TokenUsage(5000, 700))

    second = settle_hold(key="reply:1", usage=TokenUsage(6000, 2000))
    third = release_hold(key="reply:1")

    assert first.settled_micros == second.settled_micros == third.settled_micros == 12_100
    assert (second.status, third.status) == ("settled", "settled")
    assert buckets(wallet) == {"cash": 987_900}
    assert LedgerTransaction.objects.filter(key__startswith="settle:").count() == 1


def test_settling_after_a_release_returns_the_released_hold() -> None:
    make_price()
    wallet = make_wallet(cash_micros=YUAN)
    hold(wallet)
    release_hold(key="reply:1")

    late = settle_hold(key="reply:1", usage=TokenUsage(5000, 700))

    assert (late.status, late.settled_micros, late.wallet.available_micros) == ("released", 0, YUAN)
    assert buckets(wallet) == {"cash": YUAN}


def test_holding_again_with_the_same_key_returns_the_first_hold() -> None:
    make_price()
    wallet = make_wallet(cash_micros=YUAN)
    first = hold(wallet)

    second = hold(wallet)

    assert second == first
    assert second.wallet.available_micros == 982_000
    assert buckets(wallet) == {"cash": 982_000, "cash_held": 18_000}


@pytest.mark.parametrize("changes", [{"model": "other-model"}, {"prompt_tokens": 6001}])
def test_the_same_key_with_other_content_is_a_conflict(changes: dict[str, object]) -> None:
    make_price()
    make_price("other-model")
    wallet = make_wallet(cash_micros=YUAN)
    hold(wallet)

    with pytest.raises(IdempotencyKeyReused), transaction.atomic(durable=True):
        hold(wallet, **changes)

    assert buckets(wallet) == {"cash": 982_000, "cash_held": 18_000}


def test_the_key_of_somebody_else_is_a_conflict() -> None:
    make_price()
    hold(make_wallet(cash_micros=YUAN))
    other = make_wallet(cash_micros=YUAN)

    with pytest.raises(IdempotencyKeyReused), transaction.atomic(durable=True):
        hold(other)

    assert buckets(other) == {"cash": YUAN}


def test_a_small_balance_lowers_the_output_that_is_granted() -> None:
    make_price()
    wallet = make_wallet(cash_micros=13_000, bonus_micros=2_000)

    held = hold(wallet)

    assert (held.max_output_tokens, held.amount_micros) == (1000, 15_000)
    assert buckets(wallet) == {"cash_held": 13_000, "bonus_held": 2_000}


def test_the_last_affordable_balance_still_pays_for_256_tokens() -> None:
    make_price()
    wallet = make_wallet(cash_micros=12_768)

    held = hold(wallet)

    assert (held.max_output_tokens, held.amount_micros) == (256, 12_768)


def test_under_256_affordable_tokens_the_hold_is_refused() -> None:
    make_price()
    wallet = make_wallet(cash_micros=12_767)

    with pytest.raises(InsufficientCredit) as refusal, transaction.atomic(durable=True):
        hold(wallet)

    assert (refusal.value.status, refusal.value.code) == (402, "insufficient_credit")
    assert refusal.value.message == "余额不足：可用余额 ¥0.01，不够支付一次回答。请联系管理员充值。"
    assert buckets(wallet) == {"cash": 12_767}
    assert not Hold.objects.exists()


def test_a_short_output_that_was_asked_for_needs_no_more_than_itself() -> None:
    make_price()
    wallet = make_wallet(cash_micros=12_060)

    held = hold(wallet, max_output_tokens=20)

    assert (held.max_output_tokens, held.amount_micros) == (20, 12_060)


def test_a_rich_user_holds_like_everybody_else() -> None:
    make_price()
    wallet = make_wallet(cash_micros=1_000_000 * YUAN)

    held = hold(wallet)

    assert (held.amount_micros, buckets(wallet)["cash_held"]) == (18_000, 18_000)


def test_an_unknown_model_is_refused() -> None:
    wallet = make_wallet(cash_micros=YUAN)

    with pytest.raises(ModelNotPriced) as refusal, transaction.atomic(durable=True):
        hold(wallet, model="nobody-knows-me")

    assert (refusal.value.status, refusal.value.code, refusal.value.retryable) == (
        503,
        "model_not_priced",
        False,
    )
    assert buckets(wallet) == {"cash": YUAN}


def test_a_model_whose_price_is_still_to_come_is_refused() -> None:
    make_price("tomorrow", valid_from=timezone.now() + timedelta(days=1))
    wallet = make_wallet(cash_micros=YUAN)

    with pytest.raises(ModelNotPriced), transaction.atomic(durable=True):
        hold(wallet, model="tomorrow")

    assert not Hold.objects.exists()


def test_a_free_model_holds_nothing_and_writes_no_entries() -> None:
    make_price("free", input_micros=0, cached_input_micros=0, output_micros=0)
    wallet = make_wallet()

    held = hold(wallet, model="free")
    settled = settle_hold(key="reply:1", usage=TokenUsage(5000, 700))

    assert (held.amount_micros, held.max_output_tokens) == (0, 2000)
    assert (settled.status, settled.settled_micros, settled.output_tokens) == ("settled", 0, 700)
    assert not LedgerTransaction.objects.exists()


def test_a_new_price_does_not_touch_a_running_hold() -> None:
    make_price()
    wallet = make_wallet(cash_micros=YUAN)
    hold(wallet)
    dearer = make_price(input_micros=4 * YUAN, output_micros=6 * YUAN, valid_from=timezone.now())

    settled = settle_hold(key="reply:1", usage=TokenUsage(5000, 700))
    after = hold(wallet, key="reply:2")

    assert settled.settled_micros == 12_100
    assert (after.price, after.amount_micros) == (dearer, 36_000)


@pytest.mark.parametrize("end", [release_hold, lambda key: settle_hold(key=key, usage=TokenUsage(1, 1))])
def test_ending_a_hold_that_does_not_exist_is_not_found(end) -> None:
    with pytest.raises(HoldNotFound) as refusal, transaction.atomic(durable=True):
        end(key="reply:none")

    assert refusal.value.status == 404


def test_a_failing_caller_takes_the_hold_with_it() -> None:
    make_price()
    wallet = make_wallet(cash_micros=YUAN)

    with pytest.raises(RuntimeError), transaction.atomic(durable=True):
        hold(wallet)
        raise RuntimeError("the rest of begin_turn failed")

    assert buckets(wallet) == {"cash": YUAN}
    assert not Hold.objects.exists()


@pytest.mark.parametrize(("prompt", "output"), [(-1, 100), (100, 0)])
def test_nonsense_from_the_caller_is_a_bug_and_not_a_refusal(prompt: int, output: int) -> None:
    wallet = make_wallet(cash_micros=YUAN)

    with pytest.raises(ValueError, match="at least"), transaction.atomic(durable=True):
        hold(wallet, prompt_tokens=prompt, max_output_tokens=output)
