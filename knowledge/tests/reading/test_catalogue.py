"""Which works the catalogue shows: by division, by name in any script, with their other editions."""

import pytest

from knowledge.reading.catalogue import divide, find_works, other_editions
from knowledge.tests.shelf import make_work

pytestmark = pytest.mark.django_db


def test_divisions_come_in_the_traditional_order(django_assert_num_queries) -> None:
    for title, category in (
        ("唐诗选", "集部"),
        ("论语", "经部"),
        ("无类书", ""),
        ("孟子", "经部"),
        ("大学", "经部"),
    ):
        make_work(title, category=category)
    make_work("空书", category="史部", passage_count=0)

    with django_assert_num_queries(1):
        divisions = divide(limit=2)

    assert [(each.name, each.total, [work.title for work in each.works]) for each in divisions] == [
        ("经部", 3, ["大学", "孟子"]),
        ("集部", 1, ["唐诗选"]),
        ("其他", 1, ["无类书"]),
    ]


@pytest.mark.parametrize(
    ("q", "titles"),
    [
        ("論語", {"论语"}),
        ("老子", {"道德经"}),
        ("道德經", {"道德经"}),
        ("金刚", {"金剛經"}),
        ("李耳", {"道德经"}),
        ("没有", set()),
        ("  ", {"论语", "道德经", "金剛經"}),
    ],
)
def test_works_are_found_by_title_alias_and_author_in_any_script(q: str, titles: set[str]) -> None:
    make_work("论语")
    make_work("道德经", aliases=["老子"], author="李耳")
    make_work("金剛經")

    assert {work.title for work in find_works(q=q)} == titles


def test_category_and_words_narrow_together() -> None:
    make_work("论语", category="经部")
    make_work("论衡", category="子部")

    assert [work.title for work in find_works(category="子部", q="论")] == ["论衡"]
    assert not find_works(category="", q="论").exists()


def test_other_editions_bear_the_same_title() -> None:
    first = make_work("论语", edition="甲本")
    make_work("论语", edition="乙本")
    make_work("论语", edition="空本", passage_count=0)
    make_work("论语注", edition="甲本")

    assert [work.edition for work in other_editions(first)] == ["乙本"]
