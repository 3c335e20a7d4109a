"""Rows read by SQL that is written once."""

import threading
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now

from accounts.models import User
from billing.models import Wallet
from billing.services import open_wallet
from guoxue.rows import PreparedLookup

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def users() -> list[User]:
    return [User.objects.create(email=f"{name}@example.com") for name in ("a", "b", "c")]


def test_row_is_read_by_the_values_of_each_call_and_is_none_where_there_is_none(users):
    by_id = PreparedLookup(lambda user_id: User.objects.filter(id=user_id))

    found = [by_id.row(user_id=user.id) for user in users]

    assert found == users
    assert [user.email for user in found] == [user.email for user in users]
    assert by_id.row(user_id=uuid4()) is None


def test_sql_is_written_once(users, django_assert_num_queries):
    written = []

    def lookup(user_id):
        written.append(user_id)
        return User.objects.filter(id=user_id)

    by_id = PreparedLookup(lookup)
    with django_assert_num_queries(3):
        for user in users:
            by_id.row(user_id=user.id)

    assert len(written) == 1


def test_related_rows_annotations_constants_and_order_come_as_from_the_orm(users):
    for user in users:
        open_wallet(user=user)
    wallets = PreparedLookup(
        lambda first, last: (
            Wallet.objects.filter(user__email__gte=first, user__email__lte=last, cash_micros=0)
            .select_related("user")
            .annotate(seen_at=Now())
            .order_by("-user__email")
        )
    )

    rows = wallets.rows(first="a", last="b@example.com")

    assert [wallet.user.email for wallet in rows] == ["b@example.com", "a@example.com"]
    assert all(wallet.seen_at is not None for wallet in rows)


def test_a_locked_row_is_locked(users):
    locked = PreparedLookup(lambda user_id: User.objects.select_for_update().filter(id=user_id))
    with transaction.atomic():
        assert locked.row(user_id=users[0].id) == users[0]
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_locks WHERE relation = 'accounts_user'::regclass"
                " AND mode = 'RowShareLock' AND pid = pg_backend_pid()"
            )
            assert cursor.fetchone() == (1,)


def test_each_thread_asks_through_its_own_connection(users):
    by_id = PreparedLookup(lambda user_id: User.objects.filter(id=user_id))
    seen = {}

    def ask(user: User) -> None:
        with transaction.atomic():
            seen[user.id] = by_id.row(user_id=user.id)
            barrier.wait(10)
            seen[user.id, "again"] = by_id.row(user_id=user.id)
        connection.close()

    barrier = threading.Barrier(len(users))
    threads = [threading.Thread(target=ask, args=(user,)) for user in users]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(seen[user.id] == seen[user.id, "again"] == user for user in users)


def test_a_value_that_is_missing_is_an_error(users):
    by_id = PreparedLookup(lambda user_id: User.objects.filter(id=user_id))

    with pytest.raises(KeyError):
        by_id.row()
