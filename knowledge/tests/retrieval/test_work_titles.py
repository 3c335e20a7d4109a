"""The names of the works are read once, and again when one of them changes."""

import pytest

from knowledge.models import Work
from knowledge.retrieval.work_titles import list_works

pytestmark = pytest.mark.django_db


def test_change_of_a_name_is_seen() -> None:
    work = Work.objects.create(title="老子", aliases=["道德經"])
    assert [each.folded for each in list_works()] == [("老子", "道德经")]

    work.aliases = ["五千言"]
    work.save()

    assert [each.folded for each in list_works()] == [("老子", "五千言")]


def test_added_and_removed_works_are_seen() -> None:
    assert list_works() == ()
    work = Work.objects.create(title="老子")
    Work.objects.create(title="庄子")
    assert len(list_works()) == 2

    work.delete()

    assert [each.folded for each in list_works()] == [("庄子",)]


def test_names_are_read_once(django_assert_num_queries) -> None:
    Work.objects.create(title="老子")
    list_works()

    with django_assert_num_queries(1):
        list_works()
