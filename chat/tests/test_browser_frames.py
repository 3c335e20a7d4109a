"""What the server says besides the text, in a real Chromium: waiting, thinking, notices, titles, taking back."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from chat.models import Message, Role, SensitiveWord, Session
from chat.services.sessions import create_session
from chat.tests.reading import Wire, ask, fits, log_in, open_session, ready, show_sessions
from chat.tests.served import ROOT, Served
from chat.tests.talking import Talk
from guoxue.tests.browsing import MARKS
from guoxue.tests.scripted_model import Say, ScriptedModel, Think, Usage, Wait, spoken

pytestmark = [*MARKS, pytest.mark.usefixtures("corpus")]
# Longer than the pause after which a process looks for new words again.
LOOK_SECONDS = 1.5


@pytest.fixture
def wire(served: Served, page: Page, reader: User, session: Session) -> Wire:
    """A session open in the browser, and its line to the server."""
    log_in(page, served, reader)
    wire = Wire(page)
    open_session(page, served, session)
    wire.opened()
    return wire


def test_who_waits_in_line_reads_how_many_are_before(wire: Wire, page: Page) -> None:
    wire.holds = "user_message"
    ask(page, "何谓仁？")
    asked = wire.asked()

    wire.say("queued", client_message_id=asked, position=3)
    expect(page.locator(".reply-waiting")).to_have_text("前面还有 2 位，请稍候…")
    wire.say("queued", client_message_id=asked, position=1)
    expect(page.locator(".reply-waiting")).to_have_text("马上轮到您…")
    assert fits(page)
    wire.let_go()

    expect(page.locator(".reply[data-status=completed]")).to_be_visible()
    assert Message.objects.filter(author="assistant").count() == 1


def test_what_the_model_thinks_is_folded_away(wire: Wire, page: Page, scripted_model: ScriptedModel) -> None:
    thought = threading.Event()
    scripted_model.script = [
        Think("先查论语，"),
        Think("再看注疏。"),
        Wait(thought),
        Say("克己。"),
        Usage(9, 9),
    ]
    ask(page, "何谓仁？")
    summary = page.locator(".reasoning summary")
    expect(summary).to_have_text("正在思考…")
    expect(page.locator(".reasoning-words")).to_be_hidden()

    thought.set()
    expect(page.locator(".reply[data-status=completed]")).to_be_visible()
    expect(summary).to_have_text("思考过程")
    page.reload()
    ready(page)
    summary.press("Enter")

    expect(page.locator(".reasoning-words")).to_have_text("先查论语，再看注疏。")
    expect(page.locator(".prose")).to_have_text("克己。")
    assert fits(page)


def test_a_reply_that_is_taken_back_says_so_and_shows_nothing_of_its_text(
    wire: Wire, page: Page, scripted_model: ScriptedModel
) -> None:
    SensitiveWord.objects.create(word="代办毕业证书", action="block")
    time.sleep(LOOK_SECONDS)
    more = threading.Event()
    scripted_model.script = [Say("学而时习之，" * 20), Wait(more), Say("代办毕业证书，"), Usage(9, 9)]
    ask(page, "何谓学？")
    expect(page.locator(".prose")).to_contain_text("学而时习之")

    more.set()

    expect(page.locator(".status-failed")).to_have_text(
        "这条回复未通过内容审核，已撤回，不收费。请换个问法再试。"
    )
    expect(page.locator(".prose")).to_have_text("")
    expect(page.get_by_role("button", name="复制回复")).to_have_count(0)
    expect(page.get_by_role("button", name="继续写完")).to_have_count(0)
    assert Message.objects.get(author="assistant").flag == "blocked"


def test_a_retraction_is_told_before_the_reply_has_ended(
    wire: Wire, page: Page, scripted_model: ScriptedModel
) -> None:
    never = threading.Event()
    scripted_model.script = [Say("学而时习之。"), Wait(never)]
    ask(page, "何谓学？")
    expect(page.locator(".prose")).to_have_text("学而时习之。")

    wire.say("retract", message_id=str(Message.objects.get(author="assistant").id))

    expect(page.locator(".reply-waiting")).to_have_text("这条回复未通过内容审核，已撤回。")
    expect(page.locator(".prose")).to_have_text("")
    expect(page.locator("#announcer")).to_have_text("这条回复未通过内容审核，已撤回。")
    never.set()


def test_a_persona_is_introduced_before_it_speaks_for_the_first_time(
    served: Served, page: Page, reader: User, scripted_model: ScriptedModel
) -> None:
    speaking = threading.Event()
    scripted_model.script = [Wait(speaking), Say("有教无类。"), Usage(9, 9)]
    persona = create_session(user=reader, role_id=Role.objects.get(slug="kongzi").id)
    log_in(page, served, reader)
    open_session(page, served, persona)
    ask(page, "请教夫子。")
    notice = page.locator(".reply-notice").first
    expect(notice).to_contain_text("「孔子」由人工智能扮演，不是真人")
    expect(page.locator("#announcer")).to_contain_text("「孔子」由人工智能扮演，不是真人")

    speaking.set()
    expect(page.locator(".reply[data-status=completed] .prose")).to_contain_text("有教无类。")
    expect(notice).to_be_visible()
    assert fits(page)
    ask(page, "再请教夫子。")

    expect(page.locator(".reply[data-status=completed]")).to_have_count(2)
    expect(page.locator(".reply-notice").last).to_be_empty()

    page.reload()
    expect(page.locator(".reply[data-status=completed]")).to_have_count(2)
    expect(notice).to_contain_text("「孔子」由人工智能扮演，不是真人")
    expect(page.locator(".reply-notice").last).to_be_empty()


def test_a_title_that_the_model_writes_is_in_the_head_and_in_the_list(
    wire: Wire, page: Page, session: Session
) -> None:
    wire.say("title", session_id=str(session.id), title="论仁与礼")

    expect(page).to_have_title("论仁与礼 · 国学大师")
    show_sessions(page)
    expect(page.get_by_role("link", name="论仁与礼")).to_have_attribute("aria-current", "page")


def test_a_suggested_question_is_asked_with_one_press(
    wire: Wire, page: Page, talk: Talk, scripted_model: ScriptedModel
) -> None:
    ask(page, "何谓仁？")
    expect(page.locator(".reply[data-status=completed]")).to_be_visible()
    reply = Message.objects.get(author="assistant")
    questions = ["仁与礼有何关系？", "孟子如何说仁？", "何谓克己？"]

    wire.say("suggestions", message_id=str(reply.id), suggestions=questions)
    expect(page.locator(".follow-up")).to_have_text(questions)
    assert fits(page)
    page.get_by_role("button", name="孟子如何说仁？").click()

    expect(page.locator(".reply[data-status=completed]")).to_have_count(2)
    expect(page.locator(".follow-up")).to_have_count(0)
    assert talk.shown()[2] == "孟子如何说仁？"


def test_suggestions_are_there_after_a_reload(wire: Wire, page: Page) -> None:
    ask(page, "何谓仁？")
    expect(page.locator(".reply[data-status=completed]")).to_be_visible()
    Message.objects.filter(author="assistant").update(suggestions=["何谓克己？"])

    page.reload()

    expect(page.locator(".follow-up")).to_have_text("何谓克己？")


def test_a_refused_regeneration_says_why_and_is_tried_again(wire: Wire, page: Page) -> None:
    ask(page, "何谓仁？")
    expect(page.locator(".reply[data-status=completed]")).to_be_visible()
    wire.holds = "regenerate"
    page.get_by_role("button", name="重新生成").click()
    expect(page.locator(".reply[data-status=streaming]")).to_be_visible()
    refused = wire.asked()

    saturated = {"code": "service_saturated", "message": "现在提问的人太多，请稍后再试。", "retryable": True}
    wire.say("error", client_message_id=refused, error=saturated)
    expect(page.get_by_role("alert")).to_have_text("没有重新生成：现在提问的人太多，请稍后再试。")
    expect(page.locator(".reply")).to_have_count(1)
    expect(page.locator(".reply .prose")).to_contain_text("学而不思则罔")
    wire.holds = ""
    page.get_by_role("button", name="重试", exact=True).click()

    expect(page.locator(".versions-place")).to_have_text("2/2")
    assert Message.objects.filter(author="assistant").count() == 2


def test_a_refused_question_keeps_its_words_and_is_sent_again(wire: Wire, page: Page) -> None:
    wire.holds = "user_message"
    ask(page, "何谓仁？")
    refused = wire.asked()
    credit = {
        "code": "insufficient_credit",
        "message": "余额不足以支付一条回复，请先充值。",
        "retryable": False,
    }
    wire.say("error", client_message_id=refused, error=credit)

    expect(page.get_by_role("alert")).to_contain_text("余额不足，这条消息没有发送")
    wire.holds = ""
    page.get_by_role("button", name="重新发送").click()

    expect(page.locator(".reply[data-status=completed]")).to_have_count(1)
    expect(page.get_by_role("alert")).to_have_count(0)
    assert Message.objects.filter(author="reader").count() == 1


@pytest.fixture
def worker(hearing: Served) -> Iterator[None]:
    """What is done behind the scenes is done, and the web process hears of it."""
    command = [sys.executable, "-m", "celery", "-A", "guoxue", "worker", "-c", "1", "-l", "error"]
    process = subprocess.Popen(command, cwd=ROOT, env=hearing.environment, stdin=subprocess.DEVNULL)
    yield
    process.terminate()
    process.wait(20)


def test_title_and_suggestions_come_after_the_first_reply_without_being_asked_for(
    worker: None, wire: Wire, page: Page, scripted_model: ScriptedModel
) -> None:
    scripted_model.queue = [spoken("仁者爱人也。")]
    scripted_model.script = spoken("标题：论仁\n追问：何谓克己？\n追问：孟子如何说仁？")
    ask(page, "何谓仁？")

    expect(page).to_have_title("论仁 · 国学大师", timeout=60_000)
    expect(page.locator(".follow-up")).to_have_text(["何谓克己？", "孟子如何说仁？"])
