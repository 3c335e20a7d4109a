"""Operators see exports, find those that failed, and have them written anew; nobody edits them by hand."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from accounts.tests.factories import make_operator, make_user
from chat.admin import exports as admin_exports
from chat.models import Export
from chat.tests.exporting import export_dir, exported, make_conversations

__all__ = ["export_dir"]
URL = "/admin/chat/export/"


@pytest.fixture
def admin_client(db) -> Client:
    client = Client()
    client.force_login(make_operator())
    return client


@pytest.fixture
def failed(reader, settings) -> Export:
    make_conversations(reader, 2, "")
    settings.EXPORT_MAX_BYTES = 10
    return exported(reader, "json")


@pytest.fixture
def done(reader, failed, settings) -> Export:
    settings.EXPORT_MAX_BYTES = 1_000_000
    return exported(reader, "markdown")


@pytest.fixture
def begun(monkeypatch) -> list:
    begun: list = []
    monkeypatch.setattr(admin_exports, "enqueue_export", begun.append)
    return begun


def test_list_shows_progress_and_reasons_within_a_fixed_number_of_queries(
    admin_client, failed, done, django_assert_max_num_queries
):
    with django_assert_max_num_queries(11):
        page = admin_client.get(URL).content.decode()

    assert "2 / 2" in page
    assert "export_too_large" in page


def test_failed_ones_are_found_by_their_status(admin_client, failed, done):
    page = admin_client.get(f"{URL}?status__exact=failed").content.decode()

    assert (str(failed.id) in page, str(done.id) in page) == (True, False)


def test_failed_ones_are_begun_anew_and_others_are_not(admin_client, failed, done, begun):
    page = admin_client.post(
        URL, {"action": "retry", "_selected_action": [failed.id, done.id]}, follow=True
    ).content.decode()

    failed.refresh_from_db()
    done.refresh_from_db()
    assert (failed.status, failed.attempts, failed.error_code, done.status) == ("queued", 0, "", "done")
    assert begun == [failed.id]
    assert "已重新开始 1 份导出。" in page
    assert f"导出 {done.id} 没有失败或过期，不必重试。" in page


def test_staff_who_may_only_look_begin_nothing(failed, begun):
    clerk = make_user(is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_export"))
    client = Client()
    client.force_login(clerk)

    listed = client.get(URL)
    client.post(URL, {"action": "retry", "_selected_action": [failed.id]})

    failed.refresh_from_db()
    assert (listed.status_code, failed.status, begun) == (200, "failed", [])


def test_exports_cannot_be_changed_by_hand(admin_client, failed):
    answers = [
        admin_client.get(f"{URL}{failed.id}/change/").status_code,
        admin_client.post(f"{URL}{failed.id}/change/", {"status": "done"}).status_code,
        admin_client.post(f"{URL}{failed.id}/delete/", {"post": "yes"}).status_code,
        admin_client.get(f"{URL}add/").status_code,
    ]

    assert answers == [200, 403, 403, 403]
    assert Export.objects.get().status == "failed"
