"""The audit finds what was done behind the triggers, each kind by its own rule, and nothing else."""

from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.tests.factories import make_user
from billing.audit import audit_ledger
from billing.models import Wallet
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
        ("UPDATE billing_ledgertransaction SET key = 'trial:x' WHERE kind = 'trial'", {TRIALS: 1}),
    ],
)
def test_tampering_is_found_by_its_rule(
    behind_the_triggers: Callable[[str], None], sql: str, broken: dict[int, int]
) -> None:
    behind_the_triggers(sql)

    assert broken_rules() == broken


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
