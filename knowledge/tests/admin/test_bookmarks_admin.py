"""Operators see which texts are kept and by whom, but never a reader's notes, and write nothing."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.tests.factories import make_operator, make_user
from knowledge.models import Bookmark, Passage
from knowledge.reading.bookmarks import create_bookmark
from knowledge.tests.shelf import shiji

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(settings) -> Client:
    settings.SECURE_SSL_REDIRECT = False
    client = Client()
    client.force_login(make_operator())
    return client


@pytest.fixture
def bookmarks() -> list[Bookmark]:
    shiji()
    reader = make_user("li.qingzhao@example.com")
    return [
        create_bookmark(owner=reader, passage_id=passage.pk, note="私下的话。")[0]
        for passage in Passage.objects.order_by("ordinal")
    ]


def test_list_is_read_in_a_few_queries(
    operator: Client, bookmarks: list[Bookmark], django_assert_max_num_queries
) -> None:
    with django_assert_max_num_queries(6) as captured:
        page = operator.get(reverse("admin:knowledge_bookmark_changelist")).content.decode()

    assert "彼可取而代也" in page and "li.qingzhao@example.com" in page
    read = [query["sql"] for query in captured.captured_queries if '"knowledge_bookmark"' in query["sql"]]
    assert any('"knowledge_bookmark"."citation"' in sql for sql in read)
    assert not any('"note"' in sql for sql in read)


def test_notes_are_private(operator: Client, bookmarks: list[Bookmark]) -> None:
    page = operator.get(reverse("admin:knowledge_bookmark_change", args=[bookmarks[0].pk]))

    assert page.status_code == 200
    assert "黄帝者" in page.content.decode()
    assert "私下的话" not in page.content.decode()


@pytest.mark.parametrize("query", ["史记", "qingzhao", "'\\%"])
def test_list_can_be_searched(operator: Client, bookmarks: list[Bookmark], query: str) -> None:
    response = operator.get(reverse("admin:knowledge_bookmark_changelist"), {"q": query})

    assert response.status_code == 200


def test_bookmarks_are_not_written_by_hand(operator: Client, bookmarks: list[Bookmark]) -> None:
    changed = reverse("admin:knowledge_bookmark_change", args=[bookmarks[0].pk])

    statuses = [operator.post(reverse("admin:knowledge_bookmark_add")).status_code]
    statuses.append(operator.post(changed, {"text": "改"}).status_code)

    assert statuses == [403, 403]
    assert Bookmark.objects.count() == 6
