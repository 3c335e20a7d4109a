"""The enforcement can be taken down and put up again, and the migrations match the models."""

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from billing.models import Price

pytestmark = pytest.mark.django_db


def enforcement() -> tuple[int, int]:
    """Count billing's triggers and trigger functions."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " WHERE c.relname LIKE 'billing%%' AND NOT t.tgisinternal),"
            " (SELECT count(*) FROM pg_proc WHERE proname LIKE 'billing%%')"
        )
        return cursor.fetchone()


def migrate(name: str) -> None:
    MigrationExecutor(connection).migrate([("billing", name)])


def test_the_migrations_match_the_models() -> None:
    call_command("makemigrations", "billing", check=True, dry_run=True, verbosity=0)


def test_the_enforcement_goes_down_and_up_again_without_a_trace() -> None:
    standing, prices = enforcement(), Price.objects.count()

    migrate("0001_initial")
    taken_down = enforcement()
    migrate("0003_first_prices")

    assert taken_down == (0, 0)
    assert enforcement() == standing == (18, 9)
    assert Price.objects.count() == prices
