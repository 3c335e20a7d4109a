from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.tests.factories import make_operator
from chat.admin.background import DayOfCalls, days_of_calls
from chat.models import BackgroundCall


@pytest.fixture
def operator(db) -> Client:
    client = Client()
    client.force_login(make_operator())
    return client


@pytest.fixture
def calls(session):
    today = timezone.now()
    for purpose, days, micros in [
        ("title", 0, 2_000),
        ("title", 0, 3_000),
        ("summary", 0, 7_000),
        ("summary", 6, 1_000_000),
        ("title", 7, 9_000_000),
    ]:
        call = BackgroundCall.objects.create(
            purpose=purpose,
            session=session,
            model="deepseek-chat",
            input_tokens=900,
            output_tokens=100,
            cost_micros=micros,
        )
        BackgroundCall.objects.filter(id=call.id).update(created_at=today - timedelta(days=days))
    return timezone.localdate(today)


def test_days_tell_what_each_purpose_cost_us(calls):
    today = calls

    assert days_of_calls(7) == [
        DayOfCalls(today, "概要", 1, 1000, "¥0.007"),
        DayOfCalls(today, "标题", 2, 2000, "¥0.005"),
        DayOfCalls(today - timedelta(days=6), "概要", 1, 1000, "¥1.00"),
    ]


def test_operators_read_the_calls_within_a_fixed_number_of_queries(
    operator, calls, django_assert_max_num_queries
):
    with django_assert_max_num_queries(9):
        page = operator.get("/admin/chat/backgroundcall/").content.decode()

    assert "deepseek-chat" in page
    assert "近 7 天的后台调用" in page and "¥0.007" in page


def test_calls_cannot_be_changed_by_hand(operator, calls):
    call = BackgroundCall.objects.first()

    answers = [
        operator.get("/admin/chat/backgroundcall/add/").status_code,
        operator.post(f"/admin/chat/backgroundcall/{call.id}/change/", {"cost_micros": "0"}).status_code,
        operator.post(f"/admin/chat/backgroundcall/{call.id}/delete/", {"post": "yes"}).status_code,
    ]

    assert answers == [403, 403, 403]
    assert BackgroundCall.objects.get(id=call.id).cost_micros == call.cost_micros
