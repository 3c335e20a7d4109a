"""The audit finds what was done behind the triggers, each kind by its own rule, and nothing else."""

from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.tests.factories import make_user
from billing import services
from billing.audit import audit_ledger
from billing.models import Account, LedgerTransaction, TrialGrant, Wallet
from billing.pricing import TokenUsage
from billing.services import hold_credit, open_wallet, release_hold, settle_hold
from billing.tests.factories import YUAN, make_price, make_wallet

pytestmark = pytest.mark.django_db

BALANCED, WALLETS, RUNNING, HELD, HOLDS, TRIALS = range(6)


@pytest.fixture
def wallet(settings) -> Wallet:
    """A wallet with some life behind it: a settled, a released and a running hold."""
    settings.TRIAL_GRANT_MICROS = 10 * YUAN
    make_price()
    wallet = make_wallet(cash_micros=3 * YUAN, bonus_micros=5_000)
    for number in range(3):
        hold_credit(
            key=f"reply:{number}",
            user=wallet.user,
            model="paid-model",
            prompt_tokens=6000,
            max_output_tokens=2000,
        )
    settle_hold(key="reply:0", usage=TokenUsage(5000, 700))
    release_hold(key="reply:1")
    open_wallet(user=make_user())
    return wallet


@pytest.fixture
def behind_the_triggers(wallet: Wallet) -> Callable[[str], None]:
    """Run SQL as only the owner of the tables can: with the triggers switched off."""

    def tamper(sql: str) -> None:
        tables = ("wallet", "ledgertransaction", "ledgerentry", "hold", "trialgrant")
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table in tables:
                cursor.execute(f"ALTER TABLE billing_{table} DISABLE TRIGGER USER")
            cursor.execute(sql)
            for table in tables:
                cursor.execute(f"ALTER TABLE billing_{table} ENABLE TRIGGER USER")

    return tamper


def broken_rules() -> dict[int, int]:
    return {number: finding.deviations for number, finding in enumerate(audit_ledger()) if finding.deviations}


def test_honest_books_have_no_deviations(wallet: Wallet) -> None:
    findings = audit_ledger()

    assert [(finding.deviations, finding.examples) for finding in findings] == [(0, ())] * 6
    assert [finding.covered for finding in findings] == [8, 2, 16, 1, 3, 1]


@pytest.mark.parametrize(
    ("sql", "broken"),
    [
        ("UPDATE billing_wallet SET cash_micros = cash_micros + 1 WHERE cash_micros > 0", {WALLETS: 1}),
        ("UPDATE billing_wallet SET refunding_micros = 1", {WALLETS: 2}),
        ("UPDATE billing_wallet SET cash_held_micros = 0", {WALLETS: 1, HELD: 1}),
        (
            "UPDATE billing_ledgerentry SET amount_micros = amount_micros - 1 WHERE account = 'revenue'",
            {BALANCED: 1, HOLDS: 1},
        ),
        (
            "UPDATE billing_ledgerentry SET balance_after_micros = balance_after_micros + 1"
            " WHERE account = 'cash'",
            {RUNNING: 6},
        ),
        (
            "INSERT INTO billing_ledgertransaction (key, kind, reason) VALUES ('empty', 'hold', '')",
            {BALANCED: 1},
        ),
        (
            "UPDATE billing_hold SET status = 'released', settled_at = now() WHERE status = 'held'",
            {HELD: 1, HOLDS: 1},
        ),
        ("UPDATE billing_hold SET settled_micros = settled_micros - 1 WHERE status = 'settled'", {HOLDS: 1}),
        ("UPDATE billing_trialgrant SET amount_micros = 1", {TRIALS: 1}),
        ("UPDATE billing_ledgertransaction SET key = 'trial:x' WHERE kind = 'trial'", {TRIALS: 2}),
        ("UPDATE billing_ledgertransaction SET kind = 'settle' WHERE kind = 'release'", {HOLDS: 2}),
        ("UPDATE billing_ledgertransaction SET kind = 'hold' WHERE kind = 'trial'", {HOLDS: 1, TRIALS: 1}),
    ],
)
def test_tampering_is_found_by_its_rule(
    behind_the_triggers: Callable[[str], None], sql: str, broken: dict[int, int]
) -> None:
    behind_the_triggers(sql)

    assert broken_rules() == broken


@pytest.mark.parametrize(
    ("kind", "key", "rule"),
    [
        ("trial", "phantom", TRIALS),
        ("trial", "trial:phantom", TRIALS),
        ("hold", "hold:phantom", HOLDS),
        ("settle", "settle:phantom", HOLDS),
        ("release", "settle:reply:2", HOLDS),
    ],
)
def test_credit_that_no_record_asks_for_is_found(wallet: Wallet, kind: str, key: str, rule: int) -> None:
    posting = LedgerTransaction(kind=kind, key=key)

    services._post(posting, wallet, {Account.CASH: 10**9, Account.REVENUE: -(10**9)})

    assert broken_rules() == {rule: 1}
    assert audit_ledger()[rule].examples == (
        f"交易 {key}（{kind}）：cash 钱包 #{wallet.pk} 应记 0，实记 1000000000；revenue 应记 0，实记 -1000000000",
    )


@pytest.mark.parametrize(
    "movements",
    [
        {Account.BONUS: 8, Account.PROMO: -8},
        {Account.CASH: 7, Account.PROMO: -7},
        {Account.BONUS: 7, Account.REVENUE: -7},
        {Account.BONUS: 7, Account.CASH: 1, Account.PROMO: -8},
    ],
)
def test_a_trial_that_is_booked_otherwise_than_granted_is_found(movements: dict[Account, int]) -> None:
    wallet = make_wallet()
    TrialGrant.objects.create(wallet=wallet, fingerprint="f", amount_micros=7)

    services._post(LedgerTransaction(kind="trial", key="trial:f"), wallet, movements)

    assert broken_rules() == {TRIALS: 1}


def test_a_trial_that_goes_to_another_wallet_is_found() -> None:
    TrialGrant.objects.create(wallet=make_wallet(), fingerprint="f", amount_micros=7)
    posting = LedgerTransaction(kind="trial", key="trial:f")

    services._post(posting, make_wallet(), {Account.BONUS: 7, Account.PROMO: -7})

    assert broken_rules() == {TRIALS: 1}


@pytest.mark.parametrize(
    "closing",
    [
        {Account.CASH_HELD: -12_768, Account.BONUS: 12_768},
        {Account.CASH_HELD: -12_768, Account.REFUNDING: 12_768},
        {Account.CASH_HELD: -12_768, Account.CASH: 12_767, Account.REVENUE: 1},
        {Account.CASH_HELD: -12_768, Account.CASH: 99_999, Account.WECHAT: -87_231},
    ],
)
def test_a_release_that_moves_other_buckets_than_its_hold_is_found(
    monkeypatch: pytest.MonkeyPatch, closing: dict[Account, int]
) -> None:
    make_price()
    wallet = make_wallet(cash_micros=YUAN)
    wanted = {"model": "paid-model", "prompt_tokens": 6000, "max_output_tokens": 256}
    hold_credit(key="reply:1", user=wallet.user, **wanted)
    post = services._post
    monkeypatch.setattr(services, "_post", lambda posting, owner, _: post(posting, owner, closing))

    release_hold(key="reply:1")

    assert broken_rules() == {HOLDS: 1}


def test_the_command_prints_a_table_and_is_content_with_honest_books(wallet: Wallet) -> None:
    out = StringIO()

    call_command("audit_ledger", stdout=out)

    lines = out.getvalue().splitlines()
    assert lines[0].split() == ["数量", "偏差", "检查项"]
    assert lines[1].split() == ["8", "0", "每笔交易至少两条分录且合计为零"]
    assert len(lines) == 8
    assert lines[-1] == "账目一致。"


def test_the_command_names_the_deviations_and_exits_with_1(
    wallet: Wallet, behind_the_triggers: Callable[[str], None]
) -> None:
    behind_the_triggers(f"UPDATE billing_wallet SET bonus_micros = 7 WHERE id = {wallet.pk}")
    out = StringIO()

    with pytest.raises(CommandError, match="账目有 1 处偏差。") as failure:
        call_command("audit_ledger", stdout=out)

    assert failure.value.returncode == 1
    assert f"· 钱包 #{wallet.pk}：bonus 余额 7，分录之和 0" in out.getvalue()
    assert "账目一致" not in out.getvalue()
