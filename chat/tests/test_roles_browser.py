"""Roles as a reader meets them in a real Chromium: chosen, made, refused at their fields, held up, tried, taken away."""

import re

import pytest
from playwright.sync_api import Page, expect

from chat.models import Role, SensitiveWord, Session
from chat.tests.reading import fits, log_in, ready
from chat.tests.served import Served
from guoxue.tests.browsing import MARKS
from knowledge.popular import note_search
from knowledge.tests.corpus import LUNYU, load
from knowledge.tests.test_popular import hit

pytestmark = MARKS


@pytest.fixture
def corpus(transactional_db: None, tmp_path) -> None:
    load(tmp_path, LUNYU)


@pytest.fixture
def words(transactional_db: None) -> None:
    SensitiveWord.objects.create(word="某某禁词", action="block")
    SensitiveWord.objects.create(word="某某疑词", action="review")


def open_roles(page: Page, served: Served) -> None:
    page.goto(f"{served.url}/roles")
    ready(page)


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.id || document.activeElement.textContent"))


def test_a_stranger_sees_the_roles_and_is_asked_to_log_in(served: Served, corpus, page: Page) -> None:
    page.goto(f"{served.url}/works")
    page.get_by_role("link", name="角色", exact=True).click()

    expect(page.locator("#offered-list .role-card")).to_have_count(7)
    kongzi = page.get_by_role("article", name="孔子")
    expect(kongzi.locator(".role-badge")).to_have_text("AI 扮演")
    expect(page.locator("#own-roles")).to_be_hidden()
    expect(page.locator(".site-nav [aria-current=page]")).to_have_text("角色")
    assert fits(page)
    kongzi.get_by_role("button", name=re.compile("^开始对话\\s*：孔子$")).click()
    role = Role.objects.get(slug="kongzi")
    expect(page).to_have_url(f"{served.url}/login?next=%2Froles%3Ftry%3D{role.pk}")


def test_a_reader_begins_a_conversation_with_a_role(served: Served, reader, corpus, page: Page) -> None:
    log_in(page, served, reader)
    open_roles(page, served)

    page.get_by_role("button", name=re.compile("^开始对话\\s*：老子$")).click()
    expect(page.locator("#opening-line")).to_contain_text("道可道，非常道")
    session = Session.objects.get()
    expect(page).to_have_url(f"{served.url}/?session={session.id}")
    page.go_back()
    expect(page.locator("#offered-list .role-card")).to_have_count(7)
    page.goto(f"{served.url}/roles?try={Role.objects.get(slug='kongzi').pk}")
    expect(page.locator("#opening-line")).to_contain_text("有朋自远方来")

    assert [each.role.name for each in Session.objects.order_by("created_at")] == ["老子", "孔子"]
    page.go_back()
    expect(page.locator("#offered-list .role-card")).to_have_count(7)
    assert Session.objects.count() == 2


def test_a_role_of_ones_own_is_made_tried_changed_and_deleted(
    served: Served, reader, corpus, page: Page
) -> None:
    log_in(page, served, reader)
    open_roles(page, served)
    expect(page.locator("#own-empty")).to_be_visible()
    page.get_by_role("button", name="自建角色").click()
    assert focused(page) == "role-form-title"
    page.get_by_label("名称").fill("山长")
    page.get_by_label("设定").fill("你是书院的山长，说话简短。")
    page.get_by_label("开场白").fill("请坐。今日读哪一章？")
    page.get_by_label("建议提问").fill("何谓学？\n\n何谓友？")
    page.get_by_label("只引这些典籍").fill("《論語》、语录")
    page.get_by_label("经部").check()
    page.get_by_label("模型").select_option("deepseek-chat")
    page.get_by_label("随机度").fill("0.3")
    page.get_by_label("扮演人物").check()
    assert fits(page)
    page.get_by_role("button", name="保存").click()

    expect(page.locator(".notice")).to_have_text("已保存，可以与它交谈了")
    card = page.get_by_role("article", name="山长")
    expect(card).to_contain_text("只引：論語、语录")
    expect(page.locator("#own-empty")).to_be_hidden()
    role = Role.objects.get(owner=reader)
    assert (role.suggested_questions, role.scope_categories) == (["何谓学？", "何谓友？"], ["经部"])
    assert (role.model, role.temperature_percent, role.is_persona) == ("deepseek-chat", 30, True)
    assert fits(page)

    card.get_by_role("button", name=re.compile("^编辑\\s*：山长$")).click()
    expect(page.get_by_label("建议提问")).to_have_value("何谓学？\n何谓友？")
    expect(page.get_by_label("随机度")).to_have_value("0.3")
    page.get_by_label("名称").fill("老山长")
    page.get_by_label("名称").press("Enter")
    card = page.get_by_role("article", name="老山长")
    expect(card).to_be_visible()

    card.get_by_role("button", name="试一试").click()
    expect(page.locator("#opening-line")).to_have_text("请坐。今日读哪一章？")
    page.get_by_role("button", name="何谓友？").click()
    expect(page.locator(".reply").last).to_contain_text("老山长")

    open_roles(page, served)
    card = page.get_by_role("article", name="老山长")
    card.get_by_role("button", name=re.compile("^删除\\s*：老山长$")).click()
    card.get_by_role("button", name=re.compile("^确定删除\\s*：老山长$")).click()
    expect(page.locator("#own-empty")).to_be_visible()
    assert focused(page) == "own-title"
    role.refresh_from_db()
    assert not role.is_active


def test_refusals_stand_at_their_fields_and_held_up_roles_say_so(
    served: Served, reader, corpus, words, page: Page, tolerated: list[str]
) -> None:
    tolerated.append("Failed to load resource: the server responded with a status of 400")
    log_in(page, served, reader)
    open_roles(page, served)
    page.get_by_role("button", name="自建角色").click()
    page.get_by_role("button", name="保存").click()
    expect(page.locator("#role-name-error")).to_have_text("请填写角色的名称。")
    expect(page.locator("#role-system_prompt-error")).to_have_text("请填写角色的设定。")
    expect(page.get_by_label("名称")).to_be_focused()
    expect(page.get_by_label("名称")).to_have_attribute("aria-invalid", "true")

    page.get_by_label("名称").fill("山长")
    page.get_by_label("设定").fill("你常说某某禁词。")
    page.get_by_label("只引这些典籍").fill("推背图")
    page.get_by_role("button", name="保存").click()
    expect(page.locator("#role-scope_works-error")).to_contain_text("典籍库里没有《推背图》")
    expect(page.locator("#role-name-error")).to_have_text("")
    assert fits(page)
    page.get_by_label("只引这些典籍").fill("")
    page.get_by_role("button", name="保存").click()
    expect(page.locator("#role-system_prompt-error")).to_contain_text("内容含有不允许发布的信息")
    assert not Role.objects.filter(owner=reader).exists()

    page.get_by_label("设定").fill("你常说某某疑词。")
    page.get_by_role("button", name="保存").click()
    expect(page.locator(".notice")).to_have_text("已保存，通过审核后就能使用")
    card = page.get_by_role("article", name="山长")
    expect(card.locator(".role-pending")).to_have_text("待审核")
    expect(card.get_by_role("button", name="试一试")).to_have_count(0)

    Role.objects.filter(owner=reader).update(review="refused", review_note="请换个说法")
    open_roles(page, served)
    expect(page.get_by_role("article", name="山长")).to_contain_text("没有通过：请换个说法。")
    page.goto(served.url)
    expect(page.locator("#role-options .role-name").first).to_have_text("国学大师")
    expect(page.locator("#role-options .role-name", has_text="山长")).to_have_count(0)


def test_the_form_is_worked_by_the_keyboard_alone(served: Served, reader, corpus, page: Page) -> None:
    log_in(page, served, reader)
    open_roles(page, served)
    new = page.get_by_role("button", name="自建角色")
    new.focus()
    page.keyboard.press("Enter")
    assert focused(page) == "role-form-title"
    page.keyboard.press("Tab")
    assert focused(page) == "role-name"
    page.keyboard.type("夫子")
    page.keyboard.press("Escape")
    expect(page.locator("#role-form")).to_be_hidden()
    expect(new).to_be_focused()

    page.keyboard.press("Enter")
    expect(page.get_by_label("名称")).to_have_value("")
    page.keyboard.press("Tab")
    page.keyboard.type("夫子")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.type("你是夫子。")
    for _ in range(3):
        page.keyboard.press("Tab")
    assert focused(page) == "role-scope_works"
    page.keyboard.press("Enter")
    expect(page.get_by_role("article", name="夫子")).to_be_visible()
    assert focused(page) == "删除：夫子"


def test_the_search_page_shows_what_many_look_for(served: Served, corpus, page: Page) -> None:
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.3"):
        note_search("学而时习之", hits=[hit()], address=address)

    page.goto(f"{served.url}/search")

    expect(page.locator("#popular-list a")).to_have_text(["学而时习之"])
    assert fits(page)
    page.locator("#popular-list a").click()
    expect(page.locator(".hit").first).to_contain_text("学而时习之")


def test_the_head_of_a_page_fits_every_screen(served: Served, corpus, page: Page) -> None:
    open_roles(page, served)

    for width in (320, 339, 340, 399, 400, 599, 600, 719, 720):
        page.set_viewport_size({"width": width, "height": 700})
        assert fits(page), width
