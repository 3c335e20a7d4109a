"""Operators see the money in Chinese, correct it by an explained adjustment, and can change nothing else."""

from functools import partial
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.tests.factories import make_operator, make_user
from billing.models import Hold, LedgerTransaction, Price, TrialGrant, Wallet
from billing.pricing import TokenUsage
from billing.services import hold_credit, open_wallet, settle_hold
from billing.tests.factories import YUAN, buckets, make_price, make_stranger, make_wallet

pytestmark = pytest.mark.django_db

MODELS = ("wallet", "ledgertransaction", "hold", "price", "trialgrant")


@pytest.fixture(autouse=True)
def _trial_of_ten_yuan(settings) -> None:
    settings.TRIAL_GRANT_MICROS = 10 * YUAN


def live(user: User, number: int) -> None:
    """Give the user a wallet with a trial, an overspent settled hold and a running one."""
    open_wallet(user=user)
    for part in ("a", "b"):
        hold_credit(
            key=f"reply:{number}{part}",
            user=user,
            model="paid-model",
            prompt_tokens=6000,
            max_output_tokens=2000,
        )
    settle_hold(key=f"reply:{number}a", usage=TokenUsage(7000, 2500))


def changelist(model: str) -> str:
    return reverse(f"admin:billing_{model}_changelist")


def adjust_page(user: User) -> str:
    return reverse("admin:billing_wallet_adjust", args=[user.pk])


def make_staff(*rights: str) -> User:
    """A member of staff with these rights of billing and no others."""
    staff = make_user(is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return staff


def adjustment(**changes: str) -> dict[str, str]:
    return {
        "amount": "12.50",
        "bucket": "cash",
        "reason": "补偿",
        "idempotency_key": str(uuid4()),
        **changes,
    }


@pytest.mark.parametrize(
    ("model", "queries"),
    [("wallet", 6), ("ledgertransaction", 7), ("hold", 7), ("price", 7), ("trialgrant", 6)],
)
def test_a_changelist_costs_the_same_queries_however_many_rows(
    page: Client, django_assert_num_queries, model: str, queries: int
) -> None:
    make_price()
    live(make_user(), 1)
    page.get(changelist(model))

    for number in range(2, 5):
        with django_assert_num_queries(queries):
            response = page.get(changelist(model))
        assert response.status_code == 200
        live(make_user(), number)
        make_price(f"model-{number}")


@pytest.mark.parametrize("model", MODELS)
def test_every_row_has_a_page(page: Client, model: str) -> None:
    make_price()
    live(make_user("reader@example.com"), 1)
    rows = {"wallet": Wallet, "ledgertransaction": LedgerTransaction, "hold": Hold, "price": Price}
    row = rows.get(model, TrialGrant).objects.last()

    response = page.get(reverse(f"admin:billing_{model}_change", args=[row.pk]))

    assert response.status_code == 200


@pytest.mark.parametrize("model", ["wallet", "ledgertransaction", "hold", "trialgrant"])
def test_what_the_services_wrote_is_read_only(page: Client, model: str) -> None:
    make_price()
    live(make_user(), 1)
    rows = {"wallet": Wallet, "ledgertransaction": LedgerTransaction, "hold": Hold, "trialgrant": TrialGrant}
    row = rows[model].objects.first()
    before = rows[model].objects.values().get(pk=row.pk)

    statuses = [
        page.get(reverse(f"admin:billing_{model}_add")).status_code,
        page.post(reverse(f"admin:billing_{model}_add"), {}).status_code,
        page.post(reverse(f"admin:billing_{model}_change", args=[row.pk]), {"cash_micros": "9"}).status_code,
        page.post(reverse(f"admin:billing_{model}_delete", args=[row.pk]), {"post": "yes"}).status_code,
    ]
    bulk = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    page.post(changelist(model), bulk)

    assert statuses == [403, 403, 403, 403]
    assert rows[model].objects.values().get(pk=row.pk) == before


@pytest.mark.parametrize(
    ("model", "query", "found"),
    [
        ("wallet", "reader@", 1),
        ("wallet", "nobody", 0),
        ("ledgertransaction", "reader@", 4),
        ("ledgertransaction", "reply:1a", 2),
        ("ledgertransaction", "12345678", 0),
        ("hold", "reader@", 2),
        ("hold", "reply:1b", 1),
        ("trialgrant", "reader@", 1),
        ("price", "paid", 1),
    ],
)
def test_rows_are_found_by_what_operators_know(page: Client, model: str, query: str, found: int) -> None:
    make_price()
    live(make_user("reader@example.com"), 1)

    response = page.get(changelist(model), {"q": query})

    assert response.status_code == 200
    assert len(response.context["cl"].result_list) == found


def test_a_wallet_is_found_by_the_users_id(page: Client) -> None:
    wanted, _other = make_wallet(), make_wallet()

    response = page.get(changelist("wallet"), {"q": str(wanted.user_id)})

    assert list(response.context["cl"].result_list) == [wanted]


def test_the_wallets_page_shows_its_buckets_and_leads_to_ledger_holds_and_adjustment(page: Client) -> None:
    wallet = make_wallet(cash_micros=3 * YUAN, bonus_micros=1_230_000)

    text = page.get(reverse("admin:billing_wallet_change", args=[wallet.pk])).content.decode()

    assert all(shown in text for shown in ("¥4.23", "¥3.00", "¥1.23", "未发放", "调整余额"))
    assert f"{changelist('ledgertransaction')}?entries__wallet__id__exact={wallet.pk}" in text
    assert f"{changelist('hold')}?wallet__id__exact={wallet.pk}" in text
    assert adjust_page(wallet.user) in text


def test_the_ledger_link_lists_each_transaction_of_the_wallet_once(page: Client) -> None:
    make_price()
    user, other = make_user(), make_user()
    live(user, 1)
    live(other, 2)

    response = page.get(changelist("ledgertransaction"), {"entries__wallet__id__exact": user.wallet.pk})

    keys = [row.key for row in response.context["cl"].result_list]
    assert keys[:3] == ["settle:reply:1a", "hold:reply:1b", "hold:reply:1a"]
    assert len(keys) == 4


def test_a_transaction_shows_its_entries(page: Client) -> None:
    make_price()
    live(make_user("reader@example.com"), 1)
    settled = LedgerTransaction.objects.get(key="settle:reply:1a")

    text = page.get(reverse("admin:billing_ledgertransaction_change", args=[settled.pk])).content.decode()

    assert all(shown in text for shown in ("冻结赠金", "赠金消耗", "-¥0.01", "reader@example.com"))


def test_holds_that_cost_us_money_can_be_filtered(page: Client) -> None:
    make_price()
    live(make_user(), 1)

    response = page.get(changelist("hold"), {"absorbed": "yes"})

    assert [hold.key for hold in response.context["cl"].result_list] == ["reply:1a"]


def test_an_operator_credits_a_user_with_a_reason(page: Client, operator: User) -> None:
    wallet = make_wallet()
    form = page.get(adjust_page(wallet.user)).content.decode()

    response = page.post(adjust_page(wallet.user), adjustment(), follow=True)

    assert "确认调整" in form
    assert response.redirect_chain == [(adjust_page(wallet.user), 302)]
    assert f"已调整 {wallet.user} 的余额 ¥12.50" in response.content.decode()
    assert "现金余额 ¥12.50" in response.content.decode()
    assert buckets(wallet) == {"cash": 12_500_000}
    written = LedgerTransaction.objects.get(kind="adjust")
    assert (written.actor, written.reason) == (operator, "补偿")


def test_an_operator_who_may_only_adjust_is_led_to_nothing_forbidden() -> None:
    wallet, client = make_wallet(), Client()
    client.force_login(make_staff("adjust_wallet"))

    response = client.post(adjust_page(wallet.user), adjustment(), follow=True)

    assert response.status_code == 200
    assert f"已调整 {wallet.user} 的余额 ¥12.50" in response.content.decode()
    assert changelist("wallet") not in response.content.decode()
    assert buckets(wallet) == {"cash": 12_500_000}


@pytest.mark.parametrize("rights", [("view_wallet",), ("view_wallet", "adjust_wallet")])
def test_the_wallets_offer_the_adjustment_to_those_who_may_make_it(rights: tuple[str, ...]) -> None:
    wallet, client = make_wallet(), Client()
    client.force_login(make_staff(*rights))
    own_page = reverse("admin:billing_wallet_change", args=[wallet.pk])

    pages = [client.get(address).content.decode() for address in (changelist("wallet"), own_page)]

    for text in pages:
        assert str(wallet.user) in text
        assert ("调整余额" in text) is (adjust_page(wallet.user) in text) is ("adjust_wallet" in rights)


def test_the_same_form_submitted_twice_credits_once(page: Client) -> None:
    wallet = make_wallet()
    form = adjustment()

    page.post(adjust_page(wallet.user), form)
    page.post(adjust_page(wallet.user), form)

    assert buckets(wallet) == {"cash": 12_500_000}


def test_each_form_has_a_key_of_its_own(page: Client) -> None:
    wallet = make_wallet()

    keys = {page.get(adjust_page(wallet.user)).context["form"]["idempotency_key"].value() for _ in range(2)}

    assert len(keys) == 2


def test_a_user_without_a_wallet_can_be_credited_and_looking_opens_none(page: Client) -> None:
    user = make_user()

    looked = page.get(adjust_page(user)).content.decode()
    opened_by_looking = Wallet.objects.filter(user=user).exists()
    page.post(adjust_page(user), adjustment(bucket="bonus"))

    assert "尚未开通钱包" in looked
    assert not opened_by_looking
    assert buckets(Wallet.objects.get(user=user)) == {"bonus": 22_500_000}


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"amount": "1e3"}, "例如 12.50"),
        ({"amount": "12.3456789"}, "例如 12.50"),
        ({"amount": ""}, "该字段是必填项"),
        ({"amount": "0"}, "调整金额不能为零"),
        ({"amount": "-3.01"}, "不够扣减 ¥3.01"),
        ({"reason": " "}, "该字段是必填项"),
        ({"bucket": "revenue"}, "选择一个有效的选项"),
        ({"idempotency_key": "x"}, "idempotency_key"),
    ],
)
def test_a_bad_adjustment_is_explained_and_moves_nothing(
    page: Client, changes: dict[str, str], complaint: str
) -> None:
    wallet = make_wallet(cash_micros=3 * YUAN)

    response = page.post(adjust_page(wallet.user), adjustment(**changes))

    assert response.status_code == 200
    assert complaint in response.content.decode()
    assert buckets(wallet) == {"cash": 3 * YUAN}


@pytest.mark.parametrize(
    ("who", "status"),
    [("anonymous", 302), ("reader", 302), ("staff", 403), ("cashier", 302), ("operator", 302)],
)
def test_only_those_with_the_right_may_adjust(who: str, status: int) -> None:
    wallet = make_wallet()
    cashier = partial(make_staff, "adjust_wallet", "view_wallet")
    user = {"operator": make_operator, "reader": make_user, "cashier": cashier}.get(who, make_staff)()
    client = Client()
    if who != "anonymous":
        client.force_login(user)

    response = client.post(adjust_page(wallet.user), adjustment())

    assert response.status_code == status
    allowed = who in {"cashier", "operator"}
    assert buckets(wallet) == ({"cash": 12_500_000} if allowed else {})
    assert ("login" in response.headers.get("Location", "")) is (who in {"anonymous", "reader"})


def test_the_users_page_leads_to_the_adjustment(page: Client) -> None:
    user = make_stranger()
    link = f"{changelist('wallet')}?user__id__exact={user.pk}"

    user_page = page.get(reverse("admin:accounts_user_change", args=[user.pk])).content.decode()
    wallet_list = page.get(link).content.decode()

    assert link in user_page
    assert adjust_page(user) in wallet_list


@pytest.mark.parametrize("query", ["", "?user__id__exact=nonsense"])
def test_the_wallet_list_offers_no_adjustment_without_a_user(page: Client, query: str) -> None:
    response = page.get(changelist("wallet") + query, follow=True)

    assert response.status_code == 200
    assert "/adjust/" not in response.content.decode()
