"""Operators set prices in yuan by adding versions, and cannot touch one that is in force."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse, reverse_lazy
from django.utils import timezone

from billing.models import Price
from billing.tests.factories import YUAN, make_price

pytestmark = pytest.mark.django_db

CHANGELIST = reverse_lazy("admin:billing_price_changelist")


def test_an_operator_sets_a_new_price_in_yuan(page: Client) -> None:
    moment = timezone.localtime() + timedelta(hours=1)

    response = page.post(
        reverse("admin:billing_price_add"),
        {
            "model": "mine",
            "valid_from_0": f"{moment:%Y-%m-%d}",
            "valid_from_1": f"{moment:%H:%M:%S}",
            "input_price_micros": "2",
            "cached_input_price_micros": "0.2",
            "output_price_micros": "3.000001",
        },
    )

    assert response.status_code == 302
    price = Price.objects.get(model="mine")
    assert (price.input_price_micros, price.cached_input_price_micros, price.output_price_micros) == (
        2 * YUAN,
        200_000,
        3_000_001,
    )
    edit = page.get(reverse("admin:billing_price_change", args=[price.pk])).content.decode()
    assert 'value="0.2"' in edit
    assert "待生效" in page.get(CHANGELIST).content.decode()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"input_price_micros": "1,5"}, "例如 12.50"),
        ({"input_price_micros": "-1"}, "价格必须在 0 到"),
        ({"valid_from_0": "2001-01-01"}, "必须晚于该模型的当前版本"),
    ],
)
def test_a_bad_price_is_explained_and_not_saved(
    page: Client, changes: dict[str, str], complaint: str
) -> None:
    make_price("mine")
    moment = timezone.localtime()
    form = {
        "model": "mine",
        "valid_from_0": f"{moment:%Y-%m-%d}",
        "valid_from_1": f"{moment:%H:%M:%S}",
        "input_price_micros": "2",
        "cached_input_price_micros": "0.2",
        "output_price_micros": "3",
        **changes,
    }

    response = page.post(reverse("admin:billing_price_add"), form)

    assert response.status_code == 200
    assert complaint in response.content.decode()
    assert Price.objects.filter(model="mine").count() == 1


def test_a_price_in_force_shows_in_yuan_and_cannot_be_edited_or_deleted(page: Client) -> None:
    price = make_price("mine")
    address = reverse("admin:billing_price_change", args=[price.pk])

    text = page.get(address).content.decode()
    changed = page.post(address, {"model": "mine", "output_price_micros": "0"})
    deleted = page.post(reverse("admin:billing_price_delete", args=[price.pk]), {"post": "yes"})

    assert "¥3.00" in text and "当前" in text
    assert (changed.status_code, deleted.status_code) == (403, 403)
    assert Price.objects.get(pk=price.pk).output_price_micros == 3 * YUAN


def test_a_price_still_to_come_can_be_corrected_and_withdrawn(page: Client) -> None:
    price = make_price("mine", valid_from=timezone.now() + timedelta(days=1))

    page.post(
        reverse("admin:billing_price_change", args=[price.pk]),
        {
            "model": "mine",
            "valid_from_0": f"{timezone.localtime(price.valid_from):%Y-%m-%d}",
            "valid_from_1": "12:00:00",
            "input_price_micros": "2",
            "cached_input_price_micros": "0.2",
            "output_price_micros": "4",
        },
    )
    corrected = Price.objects.get(pk=price.pk).output_price_micros
    page.post(reverse("admin:billing_price_delete", args=[price.pk]), {"post": "yes"})

    assert corrected == 4 * YUAN
    assert not Price.objects.filter(model="mine").exists()


def test_the_prices_of_one_model_tell_their_states_apart(page: Client) -> None:
    now = timezone.now()
    for days in (-9, -1, 3):
        make_price("mine", valid_from=now + timedelta(days=days))

    text = page.get(CHANGELIST, {"q": "mine"}).content.decode()

    assert [text.count(f">{state}<") for state in ("待生效", "当前", "已被取代")] == [1, 1, 1]
