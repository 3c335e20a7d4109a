"""Writes to the ledger by raw SQL, as somebody would who goes around the services."""

import pytest
from django.db import IntegrityError, connection, transaction

NEW_ENTRIES = "INSERT INTO billing_ledgerentry (transaction_id, account, amount_micros, wallet_id)"
NEW_TRANSACTION = "INSERT INTO billing_ledgertransaction (key, kind, reason) VALUES ('{key}', 'hold', '')"


def execute(sql: str) -> list[tuple]:
    """Run the statement as a use case of its own and check its deferred constraints, as a commit would."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute(sql)
        rows = cursor.fetchall() if cursor.description else []
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
        return rows


def post(*entries: tuple[str, int, int | None], key: str = "k") -> None:
    """Write a transaction by raw SQL: entries of (account, amount, wallet id)."""
    header = f"(SELECT id FROM billing_ledgertransaction WHERE key = '{key}')"
    rows = ", ".join(
        f"({header}, '{account}', {amount}, {wallet or 'NULL'})" for account, amount, wallet in entries
    )
    execute(f"{NEW_TRANSACTION.format(key=key)}; {NEW_ENTRIES} VALUES {rows}")


def refuses(sql: str, because: str) -> None:
    with pytest.raises(IntegrityError, match=because):
        execute(sql)
