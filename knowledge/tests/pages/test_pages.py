"""The library's pages: whole without JavaScript, in few queries however large the work, and kind when nothing is there."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from accounts.tests.factories import make_operator
from knowledge.models import Passage, Section, Work
from knowledge.tests.shelf import add_passage, add_section, make_work, shiji
from knowledge.views import pages

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(settings) -> Client:
    settings.SECURE_SSL_REDIRECT = False
    return Client()


@pytest.fixture
def work() -> Work:
    return shiji()


def text_of(client: Client, address: str, status: int = 200) -> str:
    """The page's visible words, as far as tags can be told from them."""
    response = client.get(address)
    assert response.status_code == status
    return re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", response.content.decode()))


def section(path: str) -> Section:
    return Section.objects.get(path=path)


def test_catalogue_shows_the_divisions(client: Client, work: Work, django_assert_max_num_queries) -> None:
    make_work("大学", category="经部")

    with django_assert_max_num_queries(7):
        page = text_of(client, "/works")

    assert page.index("经部") < page.index("大学") < page.index("史部") < page.index("史记")
    assert page.count("每日一句") == 1


def test_catalogue_greets_with_the_daily_line(client: Client) -> None:
    passage = add_passage(add_section(make_work("论语"), "为政"), "子曰：“君子不器。”")

    page = text_of(client, "/works")

    assert "每日一句君子不器。《论语·为政》" in page
    assert passage.work.title in page


def test_large_division_leads_to_its_own_page(client: Client, django_assert_num_queries) -> None:
    for number in range(pages.WORKS_PER_PAGE + 1):
        make_work(f"书{number:03}", category="子部")

    overview = client.get("/works").content.decode()
    with django_assert_num_queries(2):
        first = client.get("/works?category=子部").content.decode()
    second = client.get("/works?category=子部&page=2").content.decode()

    assert overview.count('class="book"') == pages.WORKS_IN_DIVISION
    assert "全部 61 部" in overview
    assert first.count('class="book"') == 60
    assert second.count('class="book"') == 1
    assert 'rel="next"' in first and 'rel="next"' not in second


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("q=司馬", "共1部"),
        ("q=没有", "没有找到书名、别名或作者含“没有”的书"),
        ("category=集部", "这一部还没有书"),
    ],
)
def test_catalogue_answers_every_question(client: Client, work: Work, query: str, words: str) -> None:
    assert words in text_of(client, f"/works?{query}")


def test_empty_library_says_so(client: Client) -> None:
    assert "典籍库还是空的" in text_of(client, "/works")


def test_work_shows_its_tree_and_where_it_comes_from(
    client: Client, work: Work, django_assert_num_queries
) -> None:
    other = make_work("史记", edition="点校本")

    with django_assert_num_queries(4):
        response = client.get(f"/works/{work.pk}")

    page = response.content.decode()
    order = [
        page.index(f"/sections/{section(path).pk}") for path in ("本纪", "本纪·项羽本纪", "世家", "自序")
    ]
    assert order == sorted(order)
    assert "百衲本" in page
    assert f'<a href="/works/{other.pk}">点校本</a>' in page


def test_large_work_shows_its_sections_page_by_page(
    client: Client, monkeypatch, django_assert_num_queries
) -> None:
    monkeypatch.setattr(pages, "SECTIONS_IN_TREE", 4)
    monkeypatch.setattr(pages, "SECTIONS_PER_PAGE", 2)
    work = shiji()

    with django_assert_num_queries(5):
        first = text_of(client, f"/works/{work.pk}")
    second = text_of(client, f"/works/{work.pk}?page=2")
    inner = text_of(client, f"/works/{work.pk}?parent={section('本纪').pk}")
    found = text_of(client, f"/works/{work.pk}?q=陈涉")

    assert "世家" in first and "自序" not in first and "项羽本纪" not in first
    assert "自序" in second
    assert "项羽本纪" in inner and "陈涉世家" not in inner
    assert "世家·陈涉世家" in found


@pytest.mark.parametrize("words", ["陳涉", "涉世", "陳涉世家"])
def test_section_is_found_in_either_script(client: Client, work: Work, words: str) -> None:
    page = text_of(client, f"/works/{work.pk}?q={words}")

    assert "世家·陈涉世家" in page and "自序" not in page


@pytest.mark.parametrize(
    "address", ["/works/{pk}?q=%00", "/works/{pk}?q=陈%00涉", "/works?q=%00", "/works/{pk}?q=(陈["]
)
def test_signs_in_the_address_break_nothing(client: Client, work: Work, address: str) -> None:
    assert client.get(address.format(pk=work.pk)).status_code == 200


def test_section_of_another_work_is_no_part_of_this_one(client: Client, work: Work) -> None:
    foreign = add_section(make_work("别的书"), "篇")

    assert "没有找到这一篇" in text_of(client, f"/works/{work.pk}?parent={foreign.pk}", status=404)


def test_work_without_sections_can_be_read(client: Client) -> None:
    work = make_work("三字经")
    add_passage(work, "人之初，性本善。\n性相近，习相远。")

    assert "本书不分篇章" in text_of(client, f"/works/{work.pk}")
    assert "人之初，性本善。" in text_of(client, f"/works/{work.pk}/read")


def test_section_is_read_with_its_translation(client: Client, work: Work, django_assert_num_queries) -> None:
    here = section("本纪·项羽本纪")

    with django_assert_num_queries(7):
        response = client.get(f"/sections/{here.pk}")

    page = response.content.decode()
    third, fourth = Passage.objects.filter(ordinal__in=(3, 4)).order_by("ordinal")
    # The pieces stand in one paragraph, each with its own anchor and nothing between them.
    assert re.search(
        rf'id="p{third.pk}"[^>]*>籍曰：“彼可取而代也。”</span><span class="passage" id="p{fourth.pk}"', page
    )
    assert "项籍说：“那个人，我可以取代他！”" in page
    assert 'id="show-translation"' in page
    assert [step in page for step in ("五帝本纪", "陈涉世家")] == [True, True]
    assert '<link rel="stylesheet" href="/static/css/paper.css" media="print">' in page


def test_part_is_read_with_all_its_sections(client: Client, work: Work) -> None:
    page = text_of(client, f"/sections/{section('本纪').pk}")

    assert page.index("本卷目录") < page.index("少典之子") < page.index("下相人也")
    assert "陈胜者" not in page
    assert 'id="show-translation"' not in client.get(f"/sections/{section('自序').pk}").content.decode()


def test_long_section_has_pages_and_finds_the_one_of_a_passage(
    client: Client, django_assert_num_queries
) -> None:
    part = add_section(make_work(), "长篇")
    rows = [add_passage(part, f"第{'一二三四五六七八九十'[number % 10]}段。") for number in range(90)]
    address = f"/sections/{part.pk}"

    with django_assert_num_queries(7):
        first = client.get(address).content.decode()
    last = client.get(f"{address}?page=3").content.decode()
    at = client.get(f"{address}?at=85").content.decode()

    assert first.count('class="passage"') == 40
    assert f'id="p{rows[84].pk}"' in last and f'id="p{rows[84].pk}"' in at
    assert 'href="?page=2"' in first
    assert "at=" not in re.findall(r'rel="prev" href="(.*?)"', at)[0]
    assert "没有这一页" in text_of(client, f"{address}?page=4", status=404)


def test_section_without_text_says_so(client: Client) -> None:
    empty = add_section(make_work(), "有目无文")

    assert "这一篇没有正文" in text_of(client, f"/sections/{empty.pk}")


def test_pinyin_is_written_above_the_words_on_demand(client: Client, work: Work) -> None:
    address = f"/sections/{section('自序').pk}"

    plain = client.get(address).content.decode()
    annotated = client.get(f"{address}?pinyin=1").content.decode()

    assert "<ruby>" not in plain and 'href="?pinyin=1"' in plain
    assert "<ruby>太<rp>（</rp><rt>tài</rt><rp>）</rp></ruby>" in annotated
    assert "拼音由程序按现代普通话标注" in annotated


def test_passage_stands_among_its_neighbours(client: Client, work: Work, django_assert_num_queries) -> None:
    passage = Passage.objects.get(ordinal=5)

    with django_assert_num_queries(3):
        response = client.get(f"/passages/{passage.pk}")

    page = response.content.decode()
    shown = re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", page))
    assert "<title>《史记·世家·陈涉世家》 · 国学大师</title>" in page
    assert shown.index("彼可取而代也") < shown.index("陈胜者") < shown.index("太史公曰")
    assert f"/sections/{passage.section_id}?at=5#p{passage.pk}" in page
    for citation in ("（西汉）司马迁. 史记: 世家·陈涉世家[M]. 百衲本.", "@book{guoxue"):
        assert citation in page


def test_passage_without_a_section_leads_into_its_work(client: Client) -> None:
    passage = add_passage(make_work("三字经"), "人之初，性本善。")

    page = client.get(f"/passages/{passage.pk}").content.decode()

    assert f"/works/{passage.work_id}/read?at=1#p{passage.pk}" in page


def test_what_texts_contain_is_never_markup(client: Client) -> None:
    work = make_work("<b>书</b>", author='"><script>alert(1)</script>', category="子部")
    part = add_section(work, "<i>篇</i>")
    passage = add_passage(part, "善<script>alert(2)</script>哉", translation="<img src=x>")

    addresses = ("/works", f"/works/{work.pk}", f"/sections/{part.pk}?pinyin=1", f"/passages/{passage.pk}")

    for address in addresses:
        page = client.get(address).content.decode()
        assert not re.search(r"<(b|i|img src=x|script)>", page.replace('<img src="', ""))
        assert "alert(1)</script>" not in page


@pytest.fixture
def line() -> Passage:
    return add_passage(add_section(make_work("论语"), "为政"), "子曰：“温故而知新，可以为师矣。”")


def test_daily_page_sets_the_line_in_columns(client: Client, line: Passage) -> None:
    page = client.get("/daily/2026-11-20").content.decode()

    assert "<span>温故而知新，</span><span>可以为师矣。</span>" in page
    assert "二〇二六年十一月二十日" in page and "星期五" in page
    assert 'href="/daily/2026-11-19"' in page
    assert 'data-quote="温故而知新，可以为师矣。"' in page


def test_today_has_no_tomorrow(client: Client, line: Passage) -> None:
    today = timezone.localdate()

    assert 'rel="next"' not in client.get("/daily").content.decode()
    assert 'rel="next"' not in client.get(f"/daily/{today.isoformat()}").content.decode()


@pytest.mark.parametrize(
    "address",
    [
        *("/works/0", "/works/0/read", "/sections/0", "/passages/0", f"/passages/{10**30}"),
        *("/daily/yesterday", "/daily/2026-02-30", "/works?category=小说部", "/nothing"),
    ],
)
def test_what_is_not_there_is_said_kindly(client: Client, line: Passage, address: str) -> None:
    page = text_of(client, address, status=404)

    assert "没有找到" in page and "去典籍目录" in page


def test_corpus_without_lines_has_no_daily_page(client: Client) -> None:
    assert "还没有可作每日一句的句子" in text_of(client, "/daily", status=404)


def test_bookmarks_page_holds_nothing_of_anybody(client: Client, django_assert_num_queries) -> None:
    client.force_login(make_operator())

    with django_assert_num_queries(0):
        page = text_of(client, "/bookmarks")

    assert "我的摘抄" in page


@pytest.mark.parametrize("address", ["/works", "/works/{work}", "/sections/{section}", "/passages/{passage}"])
def test_pages_are_kept_by_caches_and_not_sent_twice(client: Client, work: Work, address: str) -> None:
    passage = Passage.objects.get(ordinal=5)
    path = address.format(work=work.pk, section=passage.section_id, passage=passage.pk)

    first = client.get(path)
    again = client.get(path, HTTP_IF_NONE_MATCH=first["ETag"])

    assert first["Cache-Control"] == "public, max-age=60"
    assert "Cookie" not in first.get("Vary", "") and not first.cookies
    assert again.status_code == 304


@pytest.mark.parametrize("address", ["/works", "/search", "/daily", "/bookmarks"])
def test_pages_are_only_read(client: Client, address: str) -> None:
    assert client.post(address).status_code == 405


def test_pages_run_no_inline_script_or_style(client: Client, work: Work, line: Passage) -> None:
    addresses = (
        "/works",
        f"/works/{work.pk}",
        f"/sections/{line.section_id}",
        "/daily",
        "/search",
        "/bookmarks",
    )

    for address in addresses:
        page = client.get(address).content.decode()
        assert re.findall(r"<script(?![^>]*\ssrc=)", page) == []
        assert re.findall(r"<style|\sstyle=|\son[a-z]+=", page) == []
