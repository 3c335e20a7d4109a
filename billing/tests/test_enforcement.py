"""PostgreSQL itself refuses every write that would break the books, whatever statement it comes in."""

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from billing.models import LedgerEntry, LedgerTransaction, Wallet
from billing.services import open_wallet
from billing.tests.factories import YUAN, buckets, credit, make_stranger, make_wallet
from billing.tests.raw_sql import NEW_ENTRIES, NEW_TRANSACTION, execute, post, refuses

pytestmark = pytest.mark.django_db


@pytest.fixture
def wallet() -> Wallet:
    return make_wallet(cash_micros=3 * YUAN, bonus_micros=YUAN)


def test_a_balanced_transaction_by_raw_sql_moves_the_buckets_and_notes_the_balances(wallet: Wallet) -> None:
    post(("cash", -5, wallet.pk), ("cash_held", 5, wallet.pk))

    assert buckets(wallet) == {"cash": 3 * YUAN - 5, "cash_held": 5, "bonus": YUAN}
    entries = LedgerEntry.objects.filter(transaction__key="k").values_list("account", "balance_after_micros")
    assert dict(entries) == {"cash": 3 * YUAN - 5, "cash_held": 5}


def test_a_transaction_that_does_not_sum_to_zero_is_refused(wallet: Wallet) -> None:
    with pytest.raises(IntegrityError, match="2 entries that sum to 1"):
        post(("cash", -5, wallet.pk), ("revenue", 6, None))

    assert buckets(wallet) == {"cash": 3 * YUAN, "bonus": YUAN}


def test_a_transaction_of_one_entry_or_none_is_refused(wallet: Wallet) -> None:
    with pytest.raises(IntegrityError, match="1 entries"):
        post(("cash", 5, wallet.pk))
    refuses(NEW_TRANSACTION.format(key="k"), "0 entries that sum to 0")

    assert buckets(wallet) == {"cash": 3 * YUAN, "bonus": YUAN}


@pytest.mark.parametrize(
    ("entries", "because"),
    [
        (
            [("cash", -4 * YUAN, "own"), ("revenue", 4 * YUAN, None)],
            "wallet_cash_not_negative|balance_iff_wallet",
        ),
        ([("cash", 0, "own"), ("revenue", 5, None)], "amount_not_zero"),
        ([("cash", 5, None), ("revenue", -5, None)], "wallet_iff_bucket"),
        ([("cash", 5, "own"), ("revenue", -5, "own")], "wallet_iff_bucket|balance_iff_wallet"),
        ([("gold", 5, None), ("revenue", -5, None)], "account_known"),
        ([("cash", 5, "own"), ("cash", 5, "own"), ("revenue", -10, None)], "only once|once_per_account"),
        ([("revenue", 5, None), ("revenue", -5, None)], "once_per_account"),
        ([("cash", 5, 987_654_321), ("revenue", -5, None)], "foreign key|balance_iff_wallet"),
    ],
)
def test_an_impossible_entry_is_refused(wallet: Wallet, entries: list, because: str) -> None:
    rows = [(account, amount, wallet.pk if owner == "own" else owner) for account, amount, owner in entries]

    with pytest.raises(IntegrityError, match=because):
        post(*rows)

    assert buckets(wallet) == {"cash": 3 * YUAN, "bonus": YUAN}
    assert not LedgerTransaction.objects.filter(key="k").exists()


@pytest.mark.parametrize("bucket", ["cash", "bonus", "cash_held", "bonus_held", "refunding"])
def test_a_plain_update_of_a_bucket_is_refused(wallet: Wallet, bucket: str) -> None:
    refuses(f"UPDATE billing_wallet SET {bucket}_micros = {bucket}_micros + 1", "by ledger entries only")

    assert buckets(wallet) == {"cash": 3 * YUAN, "bonus": YUAN}


@pytest.mark.parametrize(
    "sql",
    [
        "WITH moved AS (UPDATE billing_wallet SET cash_micros = 9 RETURNING 1) SELECT * FROM moved",
        "DO $$ BEGIN UPDATE billing_wallet SET cash_micros = 9; END $$",
        "CREATE FUNCTION pg_temp.steal() RETURNS void LANGUAGE sql"
        " AS 'UPDATE billing_wallet SET cash_micros = 9';"
        "SELECT pg_temp.steal()",
        "INSERT INTO billing_wallet SELECT * FROM billing_wallet"
        " ON CONFLICT (id) DO UPDATE SET cash_micros = EXCLUDED.cash_micros + 9",
        "MERGE INTO billing_wallet w USING (SELECT 1) s ON true WHEN MATCHED THEN UPDATE SET cash_micros = 9",
    ],
)
def test_no_other_kind_of_statement_moves_a_bucket_either(wallet: Wallet, sql: str) -> None:
    refuses(sql, "by ledger entries only|opens empty")

    assert buckets(wallet) == {"cash": 3 * YUAN, "bonus": YUAN}


def test_somebodys_trigger_on_a_temporary_table_moves_no_bucket(wallet: Wallet) -> None:
    steal = (
        "CREATE TEMPORARY TABLE bait (x int) ON COMMIT DROP;"
        "CREATE FUNCTION pg_temp.steal() RETURNS trigger LANGUAGE plpgsql"
        " AS $$ BEGIN UPDATE billing_wallet SET cash_micros = 777; RETURN NEW; END $$;"
        "CREATE TRIGGER steal BEFORE INSERT ON bait FOR EACH ROW EXECUTE FUNCTION pg_temp.steal();"
        "INSERT INTO bait VALUES (1)"
    )

    refuses(steal, "by ledger entries only")

    assert buckets(wallet) == {"cash": 3 * YUAN, "bonus": YUAN}


def test_an_update_beside_the_posting_of_its_own_entries_is_refused(wallet: Wallet) -> None:
    header = NEW_TRANSACTION.format(key="k")
    twice = (
        f"{header}; WITH entries AS ({NEW_ENTRIES} SELECT id, account, amount, wallet"
        f" FROM billing_ledgertransaction, (VALUES ('cash', 5, {wallet.pk}), ('revenue', -5, NULL))"
        " AS entry (account, amount, wallet) WHERE key = 'k' RETURNING 1)"
        f" UPDATE billing_wallet SET cash_micros = cash_micros + 5 WHERE id = {wallet.pk}"
        " AND (SELECT count(*) FROM entries) = 2"
    )

    refuses(twice, "by ledger entries only")

    assert buckets(wallet) == {"cash": 3 * YUAN, "bonus": YUAN}


def test_transactions_post_to_a_bucket_in_the_order_of_their_ids(wallet: Wallet) -> None:
    headers = f"{NEW_TRANSACTION.format(key='k1')}; {NEW_TRANSACTION.format(key='k2')}"
    entries = (
        f"; {NEW_ENTRIES} SELECT id, account, amount, wallet FROM billing_ledgertransaction,"
        f" (VALUES ('cash', 5, {wallet.pk}), ('revenue', -5, NULL)) AS entry (account, amount, wallet)"
        " WHERE key = '{}'"
    )

    refuses(headers + entries.format("k2") + entries.format("k1"), "in the order of their transactions")
    execute(headers + entries.format("k1") + entries.format("k2"))

    assert buckets(wallet) == {"cash": 3 * YUAN + 10, "bonus": YUAN}


def test_the_model_cannot_write_a_balance(wallet: Wallet) -> None:
    wallet.cash_micros += 1

    with pytest.raises(IntegrityError, match="by ledger entries only"), transaction.atomic(durable=True):
        wallet.save()

    assert buckets(wallet) == {"cash": 3 * YUAN, "bonus": YUAN}


def test_a_wallet_opens_empty() -> None:
    with pytest.raises(IntegrityError, match="opens empty"), transaction.atomic(durable=True):
        Wallet.objects.create(user=make_stranger(), bonus_micros=1)

    assert not Wallet.objects.exists()


def test_a_wallet_keeps_its_owner(wallet: Wallet) -> None:
    thief = make_stranger()

    refuses(f"UPDATE billing_wallet SET user_id = '{thief.pk}'", "keeps its owner")

    assert Wallet.objects.get().user == wallet.user


def test_a_wallet_with_a_history_cannot_be_deleted_but_an_unused_one_can(wallet: Wallet) -> None:
    unused = open_wallet(user=make_stranger())

    refuses(f"DELETE FROM billing_wallet WHERE id = {wallet.pk}", "history")
    execute(f"DELETE FROM billing_wallet WHERE id = {unused.pk}")

    assert list(Wallet.objects.all()) == [wallet]


def test_deleting_a_user_with_a_wallet_is_refused(wallet: Wallet) -> None:
    user = wallet.user

    with pytest.raises(ProtectedError):
        user.delete()
    refuses(f"DELETE FROM accounts_user WHERE id = '{user.pk}'", "foreign key")

    assert get_user_model().objects.filter(pk=user.pk).exists()
    assert buckets(wallet) == {"cash": 3 * YUAN, "bonus": YUAN}


@pytest.mark.parametrize("table", ["billing_ledgertransaction", "billing_ledgerentry"])
def test_ledger_rows_refuse_update_and_delete(wallet: Wallet, table: str) -> None:
    before = execute(f"SELECT * FROM {table} ORDER BY id")

    refuses(f"UPDATE {table} SET id = id", "refuses UPDATE")
    refuses(f"DELETE FROM {table}", "refuses DELETE")

    assert execute(f"SELECT * FROM {table} ORDER BY id") == before != []


def test_an_adjustment_without_actor_or_reason_is_refused(wallet: Wallet) -> None:
    adjust = (
        "INSERT INTO billing_ledgertransaction (key, kind, reason, actor_id) VALUES ('k', 'adjust', {}, {})"
    )

    refuses(adjust.format("'because'", "NULL"), "adjust_explained")
    refuses(adjust.format("''", f"'{wallet.user_id}'"), "adjust_explained")


def test_a_skipped_conflicting_row_moves_nothing(wallet: Wallet) -> None:
    entry = LedgerEntry.objects.filter(wallet=wallet).first()
    insert = (
        NEW_TRANSACTION.format(key="k")
        + "; INSERT INTO billing_ledgerentry (id, transaction_id, account, amount_micros, wallet_id)"
        f" SELECT {entry.pk}, id, 'cash', 5, {wallet.pk} FROM billing_ledgertransaction WHERE key = 'k'"
        " ON CONFLICT DO NOTHING"
    )

    refuses(insert, "0 entries")

    assert buckets(wallet) == {"cash": 3 * YUAN, "bonus": YUAN}


def test_the_client_cannot_choose_the_noted_balance_or_the_time(wallet: Wallet) -> None:
    execute(
        "INSERT INTO billing_ledgertransaction (key, kind, reason, created_at)"
        " VALUES ('k', 'hold', '', '2001-01-01');"
        "INSERT INTO billing_ledgerentry"
        " (transaction_id, account, amount_micros, wallet_id, balance_after_micros)"
        f" SELECT id, 'cash', -5, {wallet.pk}, 77 FROM billing_ledgertransaction WHERE key = 'k'"
        f" UNION ALL SELECT id, 'cash_held', 5, {wallet.pk}, 77"
        " FROM billing_ledgertransaction WHERE key = 'k'"
    )

    noted = LedgerEntry.objects.filter(transaction__key="k").values_list("balance_after_micros", flat=True)
    assert sorted(noted) == [5, 3 * YUAN - 5]
    assert LedgerTransaction.objects.get(key="k").created_at.year > 2001


def test_a_temporary_table_does_not_stand_in_for_the_wallets(wallet: Wallet) -> None:
    execute("CREATE TEMPORARY TABLE billing_wallet ON COMMIT DROP AS SELECT * FROM public.billing_wallet")
    try:
        post(("cash", -5, wallet.pk), ("cash_held", 5, wallet.pk))
    finally:
        execute("DROP TABLE pg_temp.billing_wallet")

    assert buckets(wallet) == {"cash": 3 * YUAN - 5, "cash_held": 5, "bonus": YUAN}


@pytest.mark.django_db(transaction=True)
def test_a_committed_transaction_is_sealed() -> None:
    wallet = make_wallet(cash_micros=YUAN)
    committed = LedgerTransaction.objects.get()

    refuses(
        f"{NEW_ENTRIES} VALUES"
        f" ({committed.pk}, 'bonus', -1, {wallet.pk}), ({committed.pk}, 'revenue_bonus', 1, NULL)",
        "sealed",
    )

    assert committed.entries.count() == 2
    assert buckets(wallet) == {"cash": YUAN}


@pytest.mark.django_db(transaction=True)
def test_an_unbalanced_transaction_is_refused_at_commit_without_being_asked() -> None:
    wallet = make_wallet(cash_micros=YUAN)

    with (
        pytest.raises(IntegrityError, match="sum to 5"),
        transaction.atomic(durable=True),
        connection.cursor() as cursor,
    ):
        cursor.execute(NEW_TRANSACTION.format(key="k") + " RETURNING id")
        rows = f"({cursor.fetchone()[0]}, 'cash', 5, {wallet.pk})"
        cursor.execute(f"{NEW_ENTRIES} VALUES {rows}")

    assert buckets(wallet) == {"cash": YUAN}


@pytest.mark.parametrize(
    "table", ["ledgertransaction", "ledgerentry", "trialgrant", "wallet", "hold", "price"]
)
def test_truncate_is_refused_everywhere_but_in_a_test_database(table: str) -> None:
    [(definition,)] = execute("SELECT pg_get_functiondef('billing_refuse_truncate'::regproc)")
    triggers = execute(
        f"SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'billing_{table}'::regclass"
        " AND tgfoid = 'billing_refuse_truncate'::regproc"
    )
    as_in_production = definition.replace("current_database()", "'guoxue'::text")

    assert triggers == [("refuse_truncate", "O")]
    refuses(f"{as_in_production}; TRUNCATE billing_{table} CASCADE", "refuses TRUNCATE")


def test_the_posting_functions_ignore_the_callers_search_path() -> None:
    rows = execute(
        "SELECT proname, prosecdef, array_to_string(proconfig, ';') FROM pg_proc"
        " WHERE proname IN ('billing_prepare_entry', 'billing_post_entries', 'billing_check_transaction',"
        " 'billing_guard_wallet')"
        " ORDER BY proname"
    )

    assert [(name, definer) for name, definer, _ in rows] == [
        ("billing_check_transaction", True),
        ("billing_guard_wallet", True),
        ("billing_post_entries", True),
        ("billing_prepare_entry", True),
    ]
    assert {config for _, _, config in rows} == {"search_path=public, pg_temp"}


def test_a_runtime_role_without_rights_on_the_buckets_can_still_post(wallet: Wallet) -> None:
    user = wallet.user
    execute(
        "CREATE ROLE ledger_clerk; GRANT USAGE ON SCHEMA public TO ledger_clerk;"
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO ledger_clerk;"
        "GRANT INSERT ON billing_ledgertransaction, billing_ledgerentry TO ledger_clerk;"
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO ledger_clerk"
    )
    execute("SET ROLE ledger_clerk")
    try:
        post(("cash", -5, wallet.pk), ("cash_held", 5, wallet.pk))
    finally:
        execute("RESET ROLE")

    assert buckets(user.wallet) == {"cash": 3 * YUAN - 5, "cash_held": 5, "bonus": YUAN}


def test_money_moves_again_after_a_refusal(wallet: Wallet) -> None:
    refuses("UPDATE billing_wallet SET cash_micros = 0", "by ledger entries only")

    credit(wallet.user, YUAN)

    assert buckets(wallet) == {"cash": 4 * YUAN, "bonus": YUAN}
