"""Versions in a real Chromium: regenerate, page through, ask in other words, write on, and see the verdicts."""

import threading

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from chat.models import Message
from chat.tests.reading import ask, fits, log_in, open_session, ready, thread
from chat.tests.served import Served, wait_for
from chat.tests.talking import Talk
from guoxue.tests.browsing import MARKS
from guoxue.tests.scripted_model import Drop, Say, ScriptedModel, Usage, Wait, spoken
from knowledge.models import Passage

pytestmark = [*MARKS, pytest.mark.usefixtures("corpus")]
WORK_ON = "继续写完"


@pytest.fixture
def conversation(served: Served, page: Page, reader: User, talk: Talk) -> Page:
    """Two answered questions, opened in the browser."""
    talk.ask("何谓仁？", "仁者爱人也。")
    talk.ask("何谓礼？", "礼者敬人也。")
    log_in(page, served, reader)
    open_session(page, served, talk.session)
    expect(page.locator(".reply")).to_have_count(2)
    return page


def test_an_early_reply_is_regenerated_and_both_branches_stay(
    conversation: Page, scripted_model: ScriptedModel, talk: Talk
) -> None:
    page = conversation
    scripted_model.script = spoken("克己为仁也。")

    page.get_by_role("button", name="重新生成").first.click()
    expect(page.locator(".versions-place")).to_have_text("2/2")

    assert thread(page) == ["何谓仁？", "克己为仁也。"]
    expect(page.locator(".notice")).to_have_text("从这里另起一支，原来的后文留在前一版本里。")
    page.get_by_role("button", name="上一版").click()
    expect(page.locator(".reply")).to_have_count(2)
    assert thread(page) == ["何谓仁？", "仁者爱人也。", "何谓礼？", "礼者敬人也。"]
    expect(page.get_by_role("group", name="第 1 版，共 2 版")).to_be_visible()
    assert talk.shown() == ["何谓仁？", "仁者爱人也。", "何谓礼？", "礼者敬人也。"]
    assert fits(page)


def test_versions_are_paged_through_with_the_keyboard(
    conversation: Page, scripted_model: ScriptedModel, talk: Talk
) -> None:
    page = conversation
    last = Message.objects.filter(author="assistant").order_by("created_at").last()
    assert last is not None
    talk.regenerate(last, "礼之用，和而已。")
    page.reload()
    ready(page)
    expect(page.locator(".versions-place")).to_have_text("2/2")

    page.get_by_role("button", name="上一版").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator(".versions-place")).to_have_text("1/2")
    # There is no version before: the focus has gone over to the only way that is left.
    expect(page.get_by_role("button", name="下一版")).to_be_focused()
    assert thread(page)[-1] == "礼者敬人也。"
    expect(page.locator("#announcer")).to_have_text("第 1 版，共 2 版")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.locator(".versions-place")).to_have_text("2/2")
    expect(page.get_by_role("button", name="上一版")).to_be_focused()
    assert thread(page)[-1] == "礼之用，和而已。"


def test_a_question_asked_in_other_words_begins_a_branch(
    conversation: Page, scripted_model: ScriptedModel, talk: Talk
) -> None:
    page = conversation
    scripted_model.script = spoken("义者宜也。")
    page.get_by_role("button", name="修改问题").first.focus()
    page.keyboard.press("Enter")
    editor = page.get_by_label("修改问题", exact=True).and_(page.locator("textarea"))
    expect(editor).to_be_focused()
    expect(editor).to_have_value("何谓仁？")
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="修改问题").first).to_be_focused()
    assert thread(page)[0] == "何谓仁？"

    page.keyboard.press("Enter")
    editor.fill("何谓义？")
    page.keyboard.press("Enter")
    expect(page.locator(".reply[data-status=completed]")).to_have_count(1)

    assert thread(page) == ["何谓义？", "义者宜也。"]
    assert talk.shown() == ["何谓义？", "义者宜也。"]
    pager = page.locator(".question .versions")
    expect(pager).to_have_attribute("aria-label", "第 2 版，共 2 版")
    pager.get_by_role("button", name="上一版").click()
    expect(page.locator(".reply")).to_have_count(2)
    assert thread(page)[0] == "何谓仁？"
    assert fits(page)


def test_an_edit_that_is_refused_is_in_the_editor_again(
    conversation: Page, scripted_model: ScriptedModel
) -> None:
    page = conversation
    page.get_by_role("button", name="修改问题").last.click()
    editor = page.locator(".question-editor textarea")
    editor.fill("何谓乐？")
    # The session is written in elsewhere, so that the server refuses.
    reply = Message.objects.filter(author="assistant").order_by("created_at").last()
    assert reply is not None
    Message.objects.filter(id=reply.id).update(
        status="streaming", lease_token=reply.id, lease_expires_at="2099-01-01T00:00Z", finished_at=None
    )

    page.get_by_role("button", name="发送", exact=True).first.click()

    expect(page.locator(".question-editor .field-error")).to_contain_text("没有发送：上一条回复还在进行")
    expect(editor).to_have_value("何谓乐？")
    assert Message.objects.filter(author="reader").count() == 2


def test_a_reply_that_broke_off_is_written_on(
    served: Served, page: Page, reader: User, talk: Talk, scripted_model: ScriptedModel
) -> None:
    scripted_model.queue = [[Say("学而不思"), Say("则罔，"), Drop()], [Say("思而不学则殆。"), Usage(9, 9)]]
    log_in(page, served, reader)
    open_session(page, served, talk.session)
    ask(page, "背一句论语。")
    expect(page.locator(".reply[data-status=failed]")).to_be_visible()

    page.get_by_role("button", name=WORK_ON).click()
    expect(page.locator(".reply[data-status=completed]")).to_be_visible()

    assert thread(page) == ["背一句论语。", "学而不思则罔，思而不学则殆。"]
    expect(page.locator(".versions-place")).to_have_text("2/2")
    page.get_by_role("button", name="上一版").click()
    expect(page.get_by_role("button", name=WORK_ON)).to_be_visible()
    assert thread(page)[-1] == "学而不思则罔，"
    assert fits(page)


def test_a_stopped_reply_keeps_its_words_and_is_written_on(
    served: Served, page: Page, reader: User, talk: Talk, scripted_model: ScriptedModel
) -> None:
    more = threading.Event()
    scripted_model.queue = [[Say("道可道，"), Wait(more), Usage(9, 9)], [Say("非常道。"), Usage(9, 9)]]
    log_in(page, served, reader)
    open_session(page, served, talk.session)
    ask(page, "背一句老子。")
    expect(page.locator(".reply .prose")).to_have_text("道可道，")

    page.get_by_role("button", name="停止回复").click()
    wait_for(lambda: Message.objects.filter(stop_requested_at__isnull=False).exists())
    more.set()
    expect(page.locator(".status-stopped")).to_have_text("已停止")
    page.get_by_role("button", name=WORK_ON).click()

    expect(page.locator(".reply[data-status=completed] .prose")).to_contain_text("非常道。")
    assert thread(page)[-1] == "道可道，非常道。"


def test_nothing_is_branched_while_a_reply_is_being_written(
    conversation: Page, scripted_model: ScriptedModel
) -> None:
    page = conversation
    ending = threading.Event()
    scripted_model.script = [Say("且慢。"), Wait(ending), Usage(9, 9)]
    ask(page, "何谓智？")
    expect(page.locator(".reply").last).to_contain_text("且慢。")

    page.get_by_role("button", name="重新生成").first.click()

    expect(page.locator(".notice")).to_have_text("请等这条回复写完，或先停止它。")
    ending.set()
    expect(page.locator(".reply[data-status=completed]")).to_have_count(3)
    assert Message.objects.filter(author="assistant").count() == 3


def test_quotations_carry_their_verdicts_and_open_their_passages(
    served: Served, page: Page, reader: User, talk: Talk, scripted_model: ScriptedModel
) -> None:
    scripted_model.script = spoken(
        "《论语·为政》：「学而不思则罔，思而不学则殆。」[1]\n\n"
        "《论语·学而》：「学而时习之，不亦乐乎？」《论语·学而》：「天下大同而人人皆为圣贤君子」。\n\n"
        "《鬼谷子·捭阖》：「粤若稽古圣人之在天地间也」。《论语·为政》：「有朋自远方来，不亦乐乎？」"
    )
    log_in(page, served, reader)
    open_session(page, served, talk.session)
    ask(page, "「学而不思则罔」出自哪里？")
    expect(page.locator(".reply[data-status=completed]")).to_be_visible()

    marks = page.locator(".prose mark")
    expect(page.locator(".prose .verdict")).to_have_text(["✓", "≈", "✗", "○", "✓ 出处有误"])
    expect(page.locator(".verdict-misplaced")).to_have_accessible_name(
        "原文无误，出处有误：实见《论语·学而》"
    )
    expect(marks.first).to_have_class("quote quote-exact")
    expect(marks.first).to_have_text("学而不思则罔，思而不学则殆。")
    expect(page.locator(".prose .verdict-not_held")).to_have_attribute(
        "title", "无从核对：典籍库未收鬼谷子·捭阖"
    )
    passage = Passage.objects.get(text__contains="学而不思则罔")
    expect(page.locator(".prose .verdict-exact")).to_have_attribute("href", f"/passages/{passage.pk}")

    page.locator(".prose .verdict-exact").click()
    expect(page.locator("#source-title")).to_have_text("《论语·为政》")
    expect(page.locator("#source-body [aria-current]")).to_contain_text("思而不学则殆")
    page.keyboard.press("Escape")
    expect(page.locator(".prose .verdict-exact")).to_be_focused()
    page.locator(".prose .citation").first.press("Enter")
    expect(page.locator("#source-dialog")).to_be_visible()
    assert fits(page)
