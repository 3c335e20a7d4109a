"""The library as a reader meets it in a real Chromium: search, read, keep, note, take away."""

from playwright.sync_api import Page, expect

from accounts.tests.factories import make_user
from accounts.tokens import issue_tokens
from chat.tests.served import Served
from guoxue.tests.browsing import MARKS
from knowledge.models import Bookmark, Passage, Section, Work

pytestmark = MARKS
LINE = "学而不思则罔"
SELECT = """([start, end]) => {
  const text = document.querySelector(".passage:target").firstChild;
  getSelection().setBaseAndExtent(text, start, text, end);
}"""


def fits(page: Page) -> bool:
    """Tell whether nothing sticks out of the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def test_a_reader_searches_reads_keeps_and_exports(served: Served, corpus, page: Page) -> None:
    passage = Passage.objects.get(text__contains=LINE)
    page.goto(f"{served.url}/search")
    page.get_by_label("要找的内容").fill(LINE)
    page.locator("label", has_text="半句寻句").click()
    page.get_by_role("button", name="检索", exact=True).click()
    expect(page.locator(".hit").first).to_contain_text("原句命中")
    assert fits(page)

    page.locator(".hit h2 a").first.click()
    expect(page.locator(".passage-text[aria-current]")).to_contain_text(LINE)
    page.get_by_text("引用格式").click()
    expect(page.locator("#citation-gbt7714")).to_have_text(
        "（春秋战国）孔子弟子及再传弟子. 论语: 为政[M]. 通行本."
    )
    page.get_by_role("button", name="收藏", exact=True).click()
    expect(page).to_have_url(f"{served.url}/login?next=%2Fpassages%2F{passage.pk}")
    expect(page.locator("#login-submit")).to_be_enabled()
    refresh = issue_tokens(make_user()).refresh
    page.evaluate("token => localStorage.setItem('guoxue.refresh', token)", refresh)
    page.goto(f"{served.url}/passages/{passage.pk}")

    page.get_by_role("button", name="收藏", exact=True).click()
    expect(page.get_by_role("button", name="已收藏")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("link", name="在篇中阅读").click()
    expect(page.locator(".passage:target")).to_contain_text(LINE)
    expect(page.locator('body[data-ready="true"]')).to_be_attached()
    page.evaluate(SELECT, [4, 10])
    page.get_by_role("button", name="收藏所选").click()
    expect(page.locator(".notice")).to_have_text("已收藏，在“摘抄”里")
    assert Bookmark.objects.first().text == LINE
    assert fits(page)

    page.get_by_role("link", name="摘抄", exact=True).click()
    expect(page.locator(".bookmark")).to_have_count(2)
    page.get_by_role("button", name="写笔记").first.click()
    page.get_by_label("笔记").fill("学思并重。")
    page.get_by_role("button", name="保存").click()
    expect(page.locator(".bookmark-note")).to_have_text("学思并重。")
    with page.expect_download() as download:
        page.get_by_role("button", name="GB/T 7714").click()
    exported = download.value.path().read_text()
    assert (
        "[2] （春秋战国）孔子弟子及再传弟子. 论语: 为政[M]. 通行本.\n    摘抄：学而不思则罔\n    笔记：学思并重。"
        in exported
    )
    assert fits(page)

    page.get_by_role("button", name="删除").last.click()
    page.get_by_role("button", name="确定删除").click()
    expect(page.locator(".bookmark")).to_have_count(1)
    assert Bookmark.objects.get().text == LINE


def test_the_library_is_read_without_a_login(served: Served, corpus, page: Page) -> None:
    work = Work.objects.get(title="诗经")
    Passage.objects.filter(section__path="周南·关雎").update(translation="关关和鸣的雎鸠，相伴在河中的小洲。")

    page.goto(f"{served.url}/works")
    expect(page.locator(".today")).to_be_visible()
    page.locator(".book", has_text=work.title).get_by_role("link").click()
    page.get_by_role("link", name="关雎").click()
    expect(page.locator(".translation")).to_be_visible()
    # Only then is the choice remembered for the next page.
    expect(page.locator('body[data-ready="true"]')).to_be_attached()
    page.get_by_text("今译", exact=True).click()
    expect(page.locator(".translation")).to_be_hidden()
    page.get_by_role("link", name="拼音").click()
    expect(page.locator("rt").first).to_have_text("guān")
    expect(page.locator(".translation")).to_be_hidden()
    assert fits(page)

    page.get_by_role("link", name="桃夭").click()
    expect(page.get_by_role("heading", name="桃夭")).to_be_visible()
    page.goto(f"{served.url}/sections/{Section.objects.get(path='周南').pk}")
    expect(page.locator(".part-title")).to_have_count(4)
    page.goto(f"{served.url}/daily/2026-11-22")
    expect(page.locator(".daily-line")).to_contain_text("硕鼠硕鼠")
    assert fits(page)
    page.goto(f"{served.url}/bookmarks")
    expect(page.get_by_text("登录后，在原文中选几句")).to_be_visible()


def test_the_library_needs_no_javascript(served: Served, corpus, browser) -> None:
    context = browser.new_context(java_script_enabled=False, locale="zh-CN")
    page = context.new_page()

    page.goto(f"{served.url}/works")
    page.locator(".book", has_text="论语").get_by_role("link").click()
    page.get_by_role("searchbox", name="在本书中检索").fill("学而不思则罔")
    page.get_by_role("searchbox", name="在本书中检索").press("Enter")
    expect(page.locator(".hit").first).to_contain_text(LINE)
    page.locator(".hit h2 a").first.click()
    page.get_by_role("link", name="在篇中阅读").click()

    expect(page.get_by_role("heading", name="为政")).to_be_visible()
    expect(page.get_by_text("需要启用 JavaScript")).to_have_count(0)
    context.close()
