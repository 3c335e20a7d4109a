"""The chat page without a mouse, with a screen reader, a thumb or a narrow screen, in a real Chromium."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from chat.models import Session
from chat.tests.reading import ask, fits, log_in, open_session, show_sessions
from chat.tests.served import Served
from chat.tests.talking import Talk
from guoxue.tests.browsing import MARKS
from guoxue.tests.scripted_model import Pause, Say, ScriptedModel, Think, Usage, Wait

pytestmark = [*MARKS, pytest.mark.usefixtures("corpus")]
# Links inside a line of text keep the height of the line.
SMALL_TARGETS = """(inline) => [...document.querySelectorAll("a, button, input, summary, textarea, label")]
    .filter(control => control.checkVisibility({visibilityProperty: true, opacityProperty: true}))
    .filter(control => !control.closest(".visually-hidden, .skip-link, [inert]") && !control.matches(inline))
    .map(control => [control, control.getBoundingClientRect()])
    .filter(([, box]) => box.width > 0 && (box.width < 44 || box.height < 44))
    .map(([control, box]) => `${control.outerHTML.slice(0, 90)} ${box.width}×${box.height}`)"""
INLINE = ".citation, .verdict, .visually-hidden, .choice input, .field label, label.visually-hidden"
NAMELESS = """() => [...document.querySelectorAll("a, button, input, summary, textarea, dialog, nav, article")]
    .filter(one => one.checkVisibility() && !(one.getAttribute("aria-label") || one.textContent).trim())
    .filter(one => !one.labels?.length && !one.getAttribute("aria-labelledby"))
    .map(one => one.outerHTML.slice(0, 90))"""
# What shows where the focus is: an outline, or a ring on the thing itself or on what frames it.
UNMARKED = """() => {
    const held = document.activeElement;
    const frame = held.closest(".role, .choice, .composer, .session-search") ?? held;
    const rings = [held, frame].map(one => getComputedStyle(one));
    const isMarked = rings.some(style => style.outlineStyle !== "none" || style.boxShadow !== "none");
    return isMarked || held === document.body ? null : held.outerHTML.slice(0, 90);
}"""


@pytest.fixture
def touch(browser: Browser) -> Iterator[Page]:
    """A page on a telephone."""
    context = browser.new_context(
        viewport={"width": 360, "height": 800}, locale="zh-CN", has_touch=True, is_mobile=True
    )
    yield context.new_page()
    context.close()


@pytest.fixture
def told(page: Page, scripted_model: ScriptedModel) -> Page:
    """The page, and a reply with everything in it."""
    scripted_model.script = [
        Think("先查论语。"),
        Say(
            "《论语·为政》：「学而不思则罔，思而不学则殆。」[1]\n\n《论语·学而》：「天下大同而人人皆为圣贤」。"
        ),
        Usage(9, 9),
    ]
    return page


def answered(page: Page, served: Served, talk: Talk) -> None:
    """Open a session with versions, and have a question answered."""
    first = talk.ask("何谓仁？", "仁者爱人也。")
    talk.regenerate(first, "克己为仁也。")
    log_in(page, served, talk.reader)
    open_session(page, served, talk.session)
    ask(page, "「学而不思则罔」出自哪里？")
    expect(page.locator(".reply[data-status=completed]")).to_have_count(2)


def test_what_is_pressed_with_a_finger_has_room_for_it(
    served: Served, touch: Page, talk: Talk, scripted_model: ScriptedModel
) -> None:
    log_in(touch, served, talk.reader)
    open_session(touch, served)
    expect(touch.locator(".suggestion").first).to_be_visible()
    assert touch.evaluate(SMALL_TARGETS, INLINE) == []

    answered(touch, served, talk)
    touch.locator(".quote-check summary").last.tap()
    assert touch.evaluate(SMALL_TARGETS, INLINE) == []
    show_sessions(touch)
    expect(touch.locator("#drawer-close")).to_be_visible()
    assert touch.evaluate(SMALL_TARGETS, INLINE) == []
    touch.locator(".session .button-icon").tap()
    assert touch.evaluate(SMALL_TARGETS, INLINE) == []
    touch.get_by_role("button", name="取消").tap()
    touch.locator("#drawer-close").tap()
    touch.get_by_role("button", name="没帮助").last.tap()
    expect(touch.get_by_role("dialog")).to_be_visible()
    assert touch.evaluate(SMALL_TARGETS, INLINE) == []
    assert fits(touch)


def test_everything_has_a_name_and_shows_when_it_is_focused(served: Served, told: Page, talk: Talk) -> None:
    answered(told, served, talk)
    assert told.evaluate(NAMELESS) == []

    told.locator("body").evaluate(
        "body => { body.tabIndex = -1; body.focus(); body.removeAttribute('tabindex'); }"
    )
    stops, unmarked = [], []
    for _ in range(60):
        told.keyboard.press("Tab")
        # Colours and shadows come in 160 ms; the mark itself is there at once.
        stops.append(told.evaluate("document.activeElement.id || document.activeElement.ariaLabel"))
        unmarked.append(told.evaluate(UNMARKED))

    assert [found for found in unmarked if found] == []
    first, composer = stops.index("scroller"), stops.index("message-input")
    assert first < stops.index("下一版" if "下一版" in stops else "上一版") < stops.index("没帮助") < composer


def test_the_first_stop_leads_to_the_composer(
    served: Served, page: Page, reader: User, session: Session
) -> None:
    log_in(page, served, reader)
    open_session(page, served, session)
    page.locator(".skip-link").focus()
    expect(page.locator(".skip-link")).to_be_in_viewport()

    page.keyboard.press("Enter")

    expect(page.locator("#message-input")).to_be_focused()


def test_a_screen_reader_hears_a_reply_once_and_whole(
    served: Served, page: Page, reader: User, session: Session, scripted_model: ScriptedModel
) -> None:
    steps: list[Any] = [step for word in "仁者爱人，有礼者敬人。" for step in (Say(word), Pause(0.05))]
    scripted_model.script = [*steps, Usage(9, 9)]
    log_in(page, served, reader)
    open_session(page, served, session)
    page.evaluate("""() => {
        window.heard = [];
        const listen = () => heard.push(announcer.textContent);
        new MutationObserver(listen).observe(announcer, {childList: true});
    }""")
    ask(page, "何谓仁？")
    expect(page.locator("article[aria-busy=true]")).to_be_attached()
    expect(page.locator("article[aria-busy=false]")).to_be_attached()

    assert page.evaluate("heard") == ["国学大师回复完毕。仁者爱人，有礼者敬人。"]
    expect(page.locator("#announcer")).to_have_attribute("aria-live", "polite")
    assert page.locator("#thread [aria-live], #scroller[aria-live]").count() == 0


def test_the_drawer_holds_the_focus_and_gives_it_back(served: Served, touch: Page, talk: Talk) -> None:
    log_in(touch, served, talk.reader)
    open_session(touch, served, talk.session)
    touch.locator("#menu-button").press("Enter")
    expect(touch.locator("#new-session")).to_be_focused()
    expect(touch.locator("#chat")).to_have_attribute("inert", "")
    for _ in range(12):
        touch.keyboard.press("Tab")
        assert touch.evaluate("!document.activeElement.closest('#chat')")

    touch.keyboard.press("Escape")

    expect(touch.locator("#menu-button")).to_be_focused()
    expect(touch.locator("#drawer")).to_have_attribute("inert", "")


def test_who_wants_no_motion_has_none(
    served: Served, page: Page, reader: User, session: Session, scripted_model: ScriptedModel
) -> None:
    writing = threading.Event()
    scripted_model.script = [Wait(writing), Say("仁。"), Usage(9, 9)]
    page.emulate_media(reduced_motion="reduce")
    log_in(page, served, reader)
    open_session(page, served, session)
    ask(page, "何谓仁？")
    expect(page.locator(".reply-waiting")).to_be_visible()

    style = "getComputedStyle(document.querySelector('.reply-waiting'), '::before')"
    assert page.evaluate(f"[{style}.animationDuration, {style}.animationIterationCount]") == ["0.001s", "1"]
    writing.set()
    expect(page.locator(".reply[data-status=completed]")).to_be_visible()


def test_a_wide_reply_scrolls_in_itself_also_while_it_is_written(
    served: Served, page: Page, reader: User, session: Session, scripted_model: ScriptedModel
) -> None:
    table = f"| {' | '.join('甲乙丙丁戊己庚辛壬癸')} |\n|{'---|' * 10}\n| {' | '.join(['子丑寅卯'] * 10)} |"
    more = threading.Event()
    wide = f"{'道' * 5}{'a' * 300}\n\n{table}\n\n```\n{'x' * 300}\n```"
    scripted_model.script = [Say(wide), Wait(more), Say("\n\n完。"), Usage(9, 9)]
    log_in(page, served, reader)
    open_session(page, served, session)
    ask(page, "列表。")
    expect(page.locator(".reply[data-status=streaming] table td")).to_have_count(10)
    assert fits(page)

    more.set()
    expect(page.locator(".reply[data-status=completed] table td")).to_have_count(10)

    assert fits(page)
    inside = "article => [...article.querySelectorAll('*')].every(one => one.closest('pre, table') || one.scrollWidth <= article.clientWidth)"
    assert page.locator("article").evaluate(inside)
