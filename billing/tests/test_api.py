"""What a client sees of its money, and that nobody sees anybody else's."""

from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import make_operator, make_user
from accounts.tokens import issue_tokens
from billing.models import Price, Wallet
from billing.pricing import TokenUsage
from billing.services import hold_credit, open_wallet, settle_hold
from billing.tests.factories import YUAN, credit, make_price, make_stranger, make_wallet

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _trial_of_ten_yuan(settings) -> None:
    settings.TRIAL_GRANT_MICROS = 10 * YUAN


def client_of(user: User | None) -> APIClient:
    client = APIClient()
    if user:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue_tokens(user).access}")
    return client


def spend(user: User, key: str = "reply:1") -> None:
    """Hold 18 000 micros and settle 12 100 of them."""
    hold_credit(key=key, user=user, model="paid-model", prompt_tokens=6000, max_output_tokens=2000)
    settle_hold(key=key, usage=TokenUsage(5000, 700))


def test_the_first_look_at_the_wallet_opens_it_with_the_trial() -> None:
    user = make_user()

    response = client_of(user).get("/api/v1/wallet")

    granted_at = user.wallet.trial_grant.created_at
    assert response.status_code == 200
    assert response.json() == {
        "balance_micros": 10 * YUAN,
        "balance": "¥10.00",
        "cash_micros": 0,
        "bonus_micros": 10 * YUAN,
        "held_micros": 0,
        "trial": {
            "granted_micros": 10 * YUAN,
            "granted_at": timezone.localtime(granted_at).isoformat(),
        },
    }


def test_the_wallet_shows_what_running_replies_hold() -> None:
    make_price()
    user = make_stranger()
    make_wallet(cash_micros=YUAN, user=user)
    hold_credit(key="reply:1", user=user, model="paid-model", prompt_tokens=6000, max_output_tokens=2000)

    body = client_of(user).get("/api/v1/wallet").json()

    assert body == {
        "balance_micros": 982_000,
        "balance": "¥0.98",
        "cash_micros": 982_000,
        "bonus_micros": 0,
        "held_micros": 18_000,
        "trial": None,
    }


def test_the_entries_show_every_change_of_the_available_balance_newest_first() -> None:
    make_price()
    user = make_user()
    open_wallet(user=user)
    credit(user, 5_000)
    spend(user)

    body = client_of(user).get("/api/v1/wallet/entries").json()

    rows = [
        (row["kind"], row["kind_label"], row["amount_micros"], row["amount"], row["balance_after_micros"])
        for row in body["results"]
    ]
    assert rows == [
        ("settle", "结算", 5_900, "¥0.0059", 9_992_900),
        ("hold", "冻结", -18_000, "-¥0.01", 9_987_000),
        ("adjust", "人工调整", 5_000, "¥0.005", 10_005_000),
        ("trial", "体验金", 10_000_000, "¥10.00", 10_000_000),
    ]
    assert (body["next"], body["previous"]) == (None, None)
    assert body["results"][2]["reason"] == "测试"
    assert set(body["results"][0]) == {
        "id",
        "kind",
        "kind_label",
        "amount_micros",
        "amount",
        "balance_after_micros",
        "balance_after",
        "reason",
        "created_at",
    }


def test_the_entries_tell_the_total_when_cash_and_bonus_move_in_turn() -> None:
    user = make_stranger()
    make_wallet(cash_micros=5, bonus_micros=7, user=user)
    credit(user, 100)

    body = client_of(user).get("/api/v1/wallet/entries").json()

    assert [row["balance_after_micros"] for row in body["results"]] == [112, 12, 5]


def test_the_entries_come_in_pages_without_gaps_or_repeats() -> None:
    user = make_stranger()
    for amount in range(1, 8):
        credit(user, amount)
    client = client_of(user)

    seen, address = [], "/api/v1/wallet/entries?limit=3"
    while address:
        page = client.get(address).json()
        seen.append([row["amount_micros"] for row in page["results"]])
        address = page["next"]

    assert seen == [[7, 6, 5], [4, 3, 2], [1]]


def test_a_page_of_entries_costs_the_same_queries_whatever_its_length(django_assert_num_queries) -> None:
    user = make_stranger()
    for amount in range(1, 31):
        credit(user, amount)
    client = client_of(user)

    for limit in (1, 30):
        with django_assert_num_queries(3):
            assert len(client.get(f"/api/v1/wallet/entries?limit={limit}").json()["results"]) == limit


def test_the_prices_are_public_and_show_what_is_in_force() -> None:
    make_price("mine", valid_from=timezone.now() - timedelta(days=2), input_micros=1)
    make_price("mine")
    make_price("later", valid_from=timezone.now() + timedelta(days=2))

    response = client_of(None).get("/api/v1/prices?limit=100")

    assert response.json().keys() == {"results", "next", "previous"}
    offered = {row["model"]: row for row in response.json()["results"]}
    assert offered.keys() == set(Price.objects.offered().values_list("model", flat=True))
    assert "later" not in offered
    mine = offered["mine"]
    assert (mine["input_price_micros"], mine["input_price"]) == (2 * YUAN, "¥2.00")
    assert (mine["cached_input_price_micros"], mine["cached_input_price"]) == (200_000, "¥0.20")
    assert (mine["output_price_micros"], mine["output_price"]) == (3 * YUAN, "¥3.00")


def test_a_stale_token_does_not_close_the_price_list() -> None:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION="Bearer stale")

    assert client.get("/api/v1/prices").status_code == 200


@pytest.mark.parametrize("address", ["/api/v1/wallet", "/api/v1/wallet/entries"])
@pytest.mark.parametrize(
    ("who", "status", "sees"),
    [("anonymous", 401, None), ("stranger", 200, "own"), ("owner", 200, "everything"), ("staff", 200, "own")],
)
def test_everyone_sees_only_the_own_wallet(address: str, who: str, status: int, sees: str | None) -> None:
    owner = make_stranger()
    make_wallet(cash_micros=3 * YUAN, user=owner)
    people = {
        "anonymous": None,
        "stranger": make_stranger(),
        "owner": owner,
        "staff": make_operator(),
    }
    wallets_before = set(Wallet.objects.values_list("user", flat=True))

    response = client_of(people[who]).get(address)

    assert response.status_code == status
    assert ("3000000" in response.content.decode()) is (sees == "everything")
    opened = set(Wallet.objects.values_list("user", flat=True)) - wallets_before
    assert opened == ({people[who].pk} if sees == "own" else set())
    if status == 401:
        assert response.json()["error"]["code"] == "not_authenticated"


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
@pytest.mark.parametrize("address", ["/api/v1/wallet", "/api/v1/wallet/entries", "/api/v1/prices"])
def test_nobody_writes_money_through_these_doors(address: str, method: str) -> None:
    user = make_stranger()
    make_wallet(cash_micros=YUAN, user=user)

    response = getattr(client_of(user), method)(address, {"cash_micros": 99})

    assert response.status_code == 405
    assert Wallet.objects.get(user=user).cash_micros == YUAN
