"""Limits hold when several come at once; the controls show that they would not without the locks."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from chat import errors
from chat.models import Export
from chat.services import exports
from chat.tests.exporting import make_conversations
from guoxue.tests.racing import meeting_after, run_together, winners

pytestmark = pytest.mark.django_db(transaction=True)


def lingering(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ``function`` so that what it has read is old when it is acted on."""

    def wrapped(*args: Any) -> Any:
        result = function(*args)
        time.sleep(0.3)
        return result

    return wrapped


@pytest.fixture
def asking(reader, settings):
    settings.EXPORT_ACTIVE_LIMIT = 1
    make_conversations(reader, 1, "")
    return partial(exports.create_export, user=reader, format="json", session_ids=None)


@pytest.fixture
def claims(reader, settings):
    settings.EXPORT_ACTIVE_LIMIT, settings.EXPORT_PARALLEL = 9, 1
    make_conversations(reader, 1, "")
    waiting = [exports.create_export(user=reader, format="json", session_ids=None) for _ in range(4)]
    return [partial(exports.claim_export, export_id=export.id) for export in waiting]


def test_a_readers_requests_at_once_do_not_pass_the_limit(asking, monkeypatch):
    monkeypatch.setattr(exports, "_require_room", lingering(exports._require_room))

    results = run_together([asking] * 4)

    assert (len(winners(results)), Export.objects.count()) == (1, 1)
    assert {type(result) for result in results} == {Export, errors.ExportLimitReached}


def test_control_without_the_lock_the_limit_is_passed(asking, monkeypatch):
    monkeypatch.setattr(exports, "_lock_reader", lambda user: None)
    monkeypatch.setattr(exports, "_require_room", meeting_after(exports._require_room, parties=2))

    run_together([asking] * 2)

    assert Export.objects.count() == 2


def test_workers_at_once_begin_no_more_than_may_be(claims, monkeypatch):
    monkeypatch.setattr(exports, "_is_room_to_write", lingering(exports._is_room_to_write))

    results = run_together(claims)

    assert [result is None for result in results].count(False) == 1
    assert Export.objects.filter(status="running").count() == 1


def test_control_without_the_lock_too_many_are_begun(claims, monkeypatch):
    monkeypatch.setattr(exports, "_count_alone", lambda: None)
    monkeypatch.setattr(exports, "_is_room_to_write", meeting_after(exports._is_room_to_write, parties=2))

    run_together(claims[:2])

    assert Export.objects.filter(status="running").count() == 2


def test_one_export_is_begun_by_one_worker(claims):
    results = run_together(claims[:1] * 4)

    assert [result is None for result in results].count(False) == 1
    assert Export.objects.get(status="running").attempts == 1
