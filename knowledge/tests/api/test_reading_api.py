"""Reading over REST: works and their editions, sections in the tree, whole sections, citations, pinyin, the daily line."""

import pytest
from rest_framework.test import APIClient

from knowledge.models import Passage, Section, Work
from knowledge.tests.shelf import add_passage, add_section, make_work, shiji

pytestmark = pytest.mark.django_db
API = "/api/v1"


@pytest.fixture
def client() -> APIClient:
    return APIClient()


@pytest.fixture
def work() -> Work:
    return shiji()


def section(path: str) -> Section:
    return Section.objects.get(path=path)


def test_works_are_filtered_by_category_and_words(client: APIClient, work: Work) -> None:
    make_work("论语", category="经部", author="孔子弟子")
    make_work("论衡", category="子部", author="王充")

    def titles(query: str) -> list[str]:
        return [each["title"] for each in client.get(f"{API}/works?{query}").json()["results"]]

    assert titles("category=史部") == ["史记"]
    assert titles("q=論") == ["论衡", "论语"]
    assert titles("q=司馬") == ["史记"]
    assert titles("category=经部&q=王充") == []


def test_editions_of_one_title_keep_their_order_over_pages(client: APIClient) -> None:
    for edition in ("丙本", "甲本", "乙本"):
        make_work("论语", edition=edition)

    seen, address = [], f"{API}/works?limit=1"
    while address:
        body = client.get(address).json()
        seen += [each["edition"] for each in body["results"]]
        address = body["next"]

    assert seen == sorted(["丙本", "甲本", "乙本"])


@pytest.mark.parametrize("query", ["category=小说部", "q=" + "字" * 101, "q=%00"])
def test_unfit_filters_are_refused(client: APIClient, query: str) -> None:
    response = client.get(f"{API}/works?{query}")

    assert response.status_code == 400
    assert list(response.json()["error"]["fields"]) == [query.split("=")[0]]


def test_work_tells_its_editions(client: APIClient, work: Work, django_assert_num_queries) -> None:
    other = make_work("史记", edition="点校本", passage_count=9)

    with django_assert_num_queries(3):
        body = client.get(f"{API}/works/{work.pk}").json()

    assert (body["title"], body["edition"], body["section_count"]) == ("史记", "百衲本", 6)
    assert body["editions"] == [{"id": other.pk, "title": "史记", "edition": "点校本", "passage_count": 9}]


def test_sections_are_filtered_by_parent_and_words(client: APIClient, work: Work) -> None:
    def titles(query: str) -> list[str]:
        body = client.get(f"{API}/works/{work.pk}/sections?{query}").json()
        return [each["title"] for each in body["results"]]

    assert titles("parent=root") == ["本纪", "世家", "自序"]
    assert titles(f"parent={section('本纪').pk}") == ["五帝本纪", "项羽本纪"]
    assert titles("q=本纪") == ["本纪", "五帝本纪", "项羽本纪"]
    assert titles("q=本紀") == ["本纪", "五帝本纪", "项羽本纪"]
    assert titles("parent=0") == []


def test_unfit_parent_is_refused(client: APIClient, work: Work) -> None:
    response = client.get(f"{API}/works/{work.pk}/sections?parent=上")

    assert response.status_code == 400
    assert response.json()["error"]["fields"] == {"parent": ["请填写 root 或篇章的编号。"]}


def test_section_tells_the_way_to_it(client: APIClient, work: Work, django_assert_num_queries) -> None:
    here = section("本纪·项羽本纪")

    with django_assert_num_queries(6):
        body = client.get(f"{API}/sections/{here.pk}").json()

    assert [step["title"] for step in body["way"]] == ["本纪", "项羽本纪"]
    assert (body["previous"]["title"], body["next"]["title"]) == ("五帝本纪", "陈涉世家")
    assert (body["passage_count"], body["work"]["title"]) == (3, "史记")


def test_whole_section_is_read_page_by_page(client: APIClient, work: Work, django_assert_num_queries) -> None:
    here = section("本纪")

    with django_assert_num_queries(4):
        first = client.get(f"{API}/sections/{here.pk}/passages?limit=3").json()
    second = client.get(first["next"]).json()

    rows = [*first["results"], *second["results"]]
    assert [(row["ordinal"], row["section"], row["continues"]) for row in rows] == [
        (1, "本纪·五帝本纪", False),
        (2, "本纪·项羽本纪", False),
        (3, "本纪·项羽本纪", False),
        (4, "本纪·项羽本纪", True),
    ]
    assert (rows[1]["translation"], rows[0]["translation"]) == ("项籍是下相人，字羽。", "")
    assert second["next"] is None


def test_whole_work_is_read_in_order(client: APIClient, work: Work, django_assert_num_queries) -> None:
    with django_assert_num_queries(3):
        body = client.get(f"{API}/works/{work.pk}/passages").json()

    assert [row["ordinal"] for row in body["results"]] == [1, 2, 3, 4, 5, 6]


def test_passage_comes_with_translation_and_editions(client: APIClient, work: Work) -> None:
    other = make_work("史记", edition="点校本")

    body = client.get(f"{API}/passages/{Passage.objects.get(ordinal=4).pk}").json()

    assert (body["kind"], body["continues"], body["translation"]) == ("root", True, "")
    assert [each["id"] for each in body["editions"]] == [other.pk]
    assert body["context"][1]["translation"] == "项籍说：“那个人，我可以取代他！”"


@pytest.mark.parametrize(
    ("query", "form", "citation"),
    [
        ("", "gbt7714", "（西汉）司马迁. 史记: 自序[M]. 百衲本."),
        ("?format=plain", "plain", "（西汉）司马迁《史记·自序》，百衲本。"),
        ("?format=bibtex", "bibtex", "@book{guoxue"),
    ],
)
def test_citation_comes_in_three_forms(
    client: APIClient, work: Work, query: str, form: str, citation: str, django_assert_num_queries
) -> None:
    passage = Passage.objects.get(section__title="自序")

    with django_assert_num_queries(1):
        body = client.get(f"{API}/passages/{passage.pk}/citation{query}").json()

    assert (body["passage_id"], body["format"]) == (passage.pk, form)
    assert body["citation"].startswith(citation)


def test_unknown_form_of_citation_is_refused(client: APIClient, work: Work) -> None:
    response = client.get(f"{API}/passages/{Passage.objects.first().pk}/citation?format=json")

    assert response.status_code == 400
    assert list(response.json()["error"]["fields"]) == ["format"]


def test_pinyin_says_that_a_machine_made_it(client: APIClient, work: Work, django_assert_num_queries) -> None:
    passage = Passage.objects.get(ordinal=2)

    with django_assert_num_queries(1):
        body = client.get(f"{API}/passages/{passage.pk}/pinyin").json()

    assert body["machine_made"] is True
    assert "多音字" in body["label"]
    assert "".join(each["text"] for each in body["syllables"]) == passage.text
    assert body["syllables"][0] == {"text": "项", "pinyin": "xiàng"}


@pytest.fixture
def line() -> Passage:
    return add_passage(add_section(make_work("论语"), "为政"), "子曰：“温故而知新，可以为师矣。”")


def test_daily_line_is_the_same_all_day_and_for_any_date(client: APIClient, line: Passage) -> None:
    first = client.get(f"{API}/daily?date=2026-11-22").json()
    again = client.get(f"{API}/daily?date=2026-11-22").json()
    today = client.get(f"{API}/daily")

    assert first == again
    assert (first["date"], first["text"]) == ("2026-11-22", "温故而知新，可以为师矣。")
    assert (first["citation"], first["passage"]["id"]) == ("《论语·为政》", line.pk)
    assert today.status_code == 200


@pytest.mark.parametrize("date", ["昨天", "2026-13-01", "20261122x"])
def test_what_is_no_date_is_refused(client: APIClient, line: Passage, date: str) -> None:
    response = client.get(f"{API}/daily?date={date}")

    assert response.status_code == 400
    assert list(response.json()["error"]["fields"]) == ["date"]


def test_corpus_without_lines_has_no_daily_line(client: APIClient, work: Work) -> None:
    assert client.get(f"{API}/daily").status_code == 404


def test_unchanged_answer_is_not_sent_again(client: APIClient, work: Work) -> None:
    first = client.get(f"{API}/works/{work.pk}")
    again = client.get(f"{API}/works/{work.pk}", HTTP_IF_NONE_MATCH=first["ETag"])
    Work.objects.update(author="太史公")
    changed = client.get(f"{API}/works/{work.pk}", HTTP_IF_NONE_MATCH=first["ETag"])

    assert first["Cache-Control"] == "public, max-age=60"
    assert (again.status_code, again.content) == (304, b"")
    assert changed.status_code == 200
