"""Judging replies in a real Chromium: thumbs with reasons, a report to the operators, a copy that keeps its label."""

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from chat.models import Feedback, Message, Report
from chat.tests.reading import fits, log_in, open_session
from chat.tests.served import Served
from chat.tests.talking import Talk
from guoxue.tests.browsing import MARKS

pytestmark = [*MARKS, pytest.mark.usefixtures("corpus")]


@pytest.fixture
def reply(served: Served, page: Page, reader: User, talk: Talk) -> Message:
    """A reply, open in the browser."""
    reply = talk.ask("何谓仁？", "仁者爱人也。")
    log_in(page, served, reader)
    open_session(page, served, talk.session)
    return reply


def test_a_reply_is_praised_blamed_with_reasons_and_let_be(reply: Message, page: Page) -> None:
    helpful = page.get_by_role("button", name="有帮助")
    unhelpful = page.get_by_role("button", name="没帮助")
    helpful.click()
    expect(helpful).to_have_attribute("aria-pressed", "true")
    expect(helpful).to_be_focused()
    assert Feedback.objects.get().value == "up"

    unhelpful.click()
    page.get_by_label("引文有误").check()
    page.get_by_label("太简略").check()
    page.fill("#feedback-comment", "原文不是这样。")
    page.get_by_role("button", name="提交").click()
    expect(unhelpful).to_have_attribute("aria-pressed", "true")
    expect(unhelpful).to_be_focused()
    expect(helpful).to_have_attribute("aria-pressed", "false")
    given = Feedback.objects.get()
    assert (given.value, given.reasons, given.comment) == (
        "down",
        ["wrong_quote", "too_short"],
        "原文不是这样。",
    )

    page.reload()
    expect(unhelpful).to_have_attribute("aria-pressed", "true")
    unhelpful.click()
    expect(unhelpful).to_have_attribute("aria-pressed", "false")
    assert not Feedback.objects.exists()
    assert fits(page)


def test_a_judgement_thought_better_of_changes_nothing(reply: Message, page: Page) -> None:
    page.get_by_role("button", name="没帮助").press("Enter")
    expect(page.get_by_role("dialog", name="哪里不够好？")).to_be_visible()
    assert fits(page)
    page.keyboard.press("Escape")

    expect(page.get_by_role("button", name="没帮助")).to_be_focused()
    assert not Feedback.objects.exists()


def test_a_reply_is_reported_once(reply: Message, page: Page) -> None:
    page.get_by_role("button", name="举报").click()
    page.get_by_role("dialog").get_by_role("button", name="举报").click()
    expect(page.get_by_role("dialog", name="举报这条回复")).to_be_visible()
    page.get_by_label("侵犯隐私").check()
    page.fill("#report-comment", "写出了电话。")
    page.get_by_role("dialog").get_by_role("button", name="举报").click()
    expect(page.locator(".notice")).to_have_text("已收到举报，将由运营人员处理")
    report = Report.objects.get()
    assert (report.message_id, report.reason, report.comment) == (reply.id, "privacy", "写出了电话。")

    page.get_by_role("button", name="举报").click()
    page.get_by_role("radio", name="其他").check()
    page.get_by_role("dialog").get_by_role("button", name="举报").click()
    expect(page.locator(".notice")).to_have_text("您举报过这条回复，以前一次所写的为准")
    assert Report.objects.get().reason == "privacy"


def test_what_cannot_be_sent_is_said_in_the_dialog(reply: Message, page: Page, tolerated: list[str]) -> None:
    tolerated.append("Failed to load resource: the server responded with a status of 404")
    page.get_by_role("button", name="举报").click()
    page.get_by_role("radio", name="其他").check()
    # The reader has cleared the session elsewhere.
    Message.objects.all().delete()
    page.get_by_role("dialog").get_by_role("button", name="举报").click()

    expect(page.get_by_role("dialog").get_by_role("alert")).to_have_text("没有找到这条消息，它可能已被删除。")
    assert not Report.objects.exists()


def test_a_copied_reply_carries_its_label(reply: Message, page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="复制回复").click()
    expect(page.locator(".notice")).to_have_text("已复制回复，连同 AI 生成标识")

    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"仁者爱人也。\n\n（离线模式：仅摘引原文，由 AI 服务合成；内容编号 {reply.id}）"
