"""Prices are versions in time: the newest that has come into force counts."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.utils import timezone

from billing.models import Price
from billing.tests.factories import YUAN, make_price

pytestmark = pytest.mark.django_db


def test_the_newest_version_in_force_is_the_current_price() -> None:
    now = timezone.now()
    make_price("mine", valid_from=now - timedelta(days=9), input_micros=1)
    current = make_price("mine", valid_from=now - timedelta(days=2), input_micros=2)
    make_price("mine", valid_from=now + timedelta(days=2), input_micros=3)

    assert Price.objects.current("mine") == current
    assert Price.objects.current("mine", at=now - timedelta(days=5)).input_price_micros == 1
    assert Price.objects.current("mine", at=now + timedelta(days=5)).input_price_micros == 3
    assert Price.objects.current("mine", at=now - timedelta(days=99)) is None
    assert Price.objects.current("yours") is None


def test_offered_lists_each_priced_model_once_with_its_current_price() -> None:
    now = timezone.now()
    make_price("beta", valid_from=now - timedelta(days=9))
    beta = make_price("beta", valid_from=now - timedelta(days=2))
    alpha = make_price("alpha")
    make_price("future", valid_from=now + timedelta(days=2))

    offered = [price for price in Price.objects.offered() if price.model in {"alpha", "beta", "future"}]

    assert offered == [alpha, beta]


def test_the_first_prices_are_the_list_prices_and_seeding_twice_changes_nothing() -> None:
    seed = import_module("billing.migrations.0003_first_prices").add_first_prices

    seed(apps, None)
    seed(apps, None)

    deepseek, offline = Price.objects.current("deepseek-chat"), Price.objects.current("offline")
    assert (
        deepseek.input_price_micros,
        deepseek.cached_input_price_micros,
        deepseek.output_price_micros,
    ) == (
        2 * YUAN,
        200_000,
        3 * YUAN,
    )
    assert (offline.input_price_micros, offline.cached_input_price_micros, offline.output_price_micros) == (
        0,
        0,
        0,
    )
    assert Price.objects.filter(model__in=["deepseek-chat", "offline"]).count() == 2
