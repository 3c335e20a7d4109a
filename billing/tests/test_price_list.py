"""The price list is shared by all who read it; whatever changes of it is seen at once."""

from datetime import datetime, timedelta
from functools import partial
from types import SimpleNamespace

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.tests.factories import make_operator
from billing import price_list as module
from billing.price_list import forget_price_list, price_list
from billing.tests.factories import YUAN, make_price
from guoxue.tests.racing import run_together

SEEDED = {"deepseek-chat", "offline"}


def listed() -> dict[str, int]:
    rows = APIClient().get("/api/v1/prices").json()["results"]
    return {row["model"]: row["input_price_micros"] for row in rows if row["model"] not in SEEDED}


def upcoming() -> dict[str, int]:
    """What the kept list will show in two hours."""
    with pytest.MonkeyPatch.context() as clock:
        later = timezone.now() + timedelta(hours=2)
        clock.setattr(module, "timezone", SimpleNamespace(now=lambda: later))
        return listed()


def form_of(model: str, moment: datetime) -> dict[str, str]:
    return {
        "model": model,
        "valid_from_0": f"{moment:%Y-%m-%d}",
        "valid_from_1": f"{moment:%H:%M:%S}",
        "input_price_micros": "5",
        "cached_input_price_micros": "1",
        "output_price_micros": "9",
    }


@pytest.mark.django_db
def test_the_list_is_kept() -> None:
    make_price("mine")
    first = listed()
    make_price("nobody-was-told")

    assert first == listed() == {"mine": 2 * YUAN}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["add", "change", "delete"])
def test_a_price_that_an_operator_saves_is_seen_at_once(monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    told: list[bool] = []
    monkeypatch.setattr(
        "billing.admin.prices.forget_price_list",
        lambda: told.append(connection.in_atomic_block) or forget_price_list(),
    )
    operator = Client()
    operator.force_login(make_operator())
    make_price("mine")
    # Only a version that is to come may be changed or deleted; a list of two hours hence shows it.
    later = make_price("later", valid_from=timezone.now() + timedelta(hours=1))
    before = upcoming()

    if way == "delete":
        operator.post(reverse("admin:billing_price_delete", args=[later.pk]), {"post": "yes"})
    elif way == "change":
        address = reverse("admin:billing_price_change", args=[later.pk])
        operator.post(address, form_of("later", timezone.localtime(later.valid_from)))
    else:
        operator.post(reverse("admin:billing_price_add"), form_of("new", timezone.localtime()))

    assert before == {"mine": 2 * YUAN, "later": 2 * YUAN}
    assert (
        upcoming()
        == {
            "add": {**before, "new": 5 * YUAN},
            "change": {**before, "later": 5 * YUAN},
            "delete": {"mine": 2 * YUAN},
        }[way]
    )
    # Before the commit, whoever asked would have read and kept the old list.
    assert told == [False]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, {"mine": 2 * YUAN}),
        (30, {"mine": 7, "new": 8}),
        (39, {"mine": 7, "new": 8}),
        (40, {"mine": 9, "new": 8}),
    ],
)
def test_a_version_counts_from_its_moment_on(
    monkeypatch: pytest.MonkeyPatch, seconds: int, shown: dict[str, int]
) -> None:
    now = timezone.now()
    make_price("mine")
    make_price("mine", valid_from=now + timedelta(seconds=30), input_micros=7)
    make_price("mine", valid_from=now + timedelta(seconds=40), input_micros=9)
    make_price("new", valid_from=now + timedelta(seconds=30), input_micros=8)
    before = listed()

    monkeypatch.setattr(module, "timezone", SimpleNamespace(now=lambda: now + timedelta(seconds=seconds)))

    assert (before, listed()) == ({"mine": 2 * YUAN}, shown)


@pytest.mark.django_db(transaction=True)
def test_twenty_who_ask_at_once_have_it_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    make_price("mine")
    reads: list[int] = []
    read = module._read
    monkeypatch.setattr(module, "_read", lambda: reads.append(1) or read())

    answers = run_together([partial(price_list)] * 20)

    assert {len(answer) for answer in answers} == {len(price_list())}
    assert len(reads) == 1


@pytest.mark.django_db
def test_the_list_is_read_without_redis(settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    make_price("mine")
    first = listed()
    make_price("new")

    assert (first, listed()) == ({"mine": 2 * YUAN}, {"mine": 2 * YUAN, "new": 2 * YUAN})
