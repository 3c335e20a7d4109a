"""Lost connections in a real Chromium: told after two seconds, taken up where they broke, nothing sent twice or lost."""

import threading

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from accounts.models import User
from chat.models import Message, Session
from chat.services.sessions import create_session
from chat.tests.reading import Wire, ask, log_in, open_session, ready, thread, wait_in
from chat.tests.served import Served
from guoxue.tests.browsing import MARKS
from guoxue.tests.scripted_model import Say, ScriptedModel, Usage, Wait

pytestmark = [*MARKS, pytest.mark.usefixtures("corpus")]
LOST = 1011


@pytest.fixture
def wire(served: Served, page: Page, reader: User, session: Session) -> Wire:
    """A session open in the browser, and its line to the server."""
    log_in(page, served, reader)
    page.clock.install()
    wire = Wire(page)
    open_session(page, served, session)
    wire.opened()
    expect(page.locator("#welcome")).to_be_visible()
    return wire


def stop_clock(page: Page) -> None:
    """From here on the page's time goes on only by ``page.clock.run_for``."""
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 1)


def connected(wire: Wire, page: Page, times: int) -> None:
    """Let the page run until it has connected so often, and not once more."""
    wait_in(page, lambda: wire.connections >= times)
    assert wire.connections == times


def test_the_reader_hears_of_a_lost_connection_after_two_seconds(wire: Wire, page: Page) -> None:
    banner = page.locator("#connection-banner")
    stop_clock(page)
    wire.refuses_with = LOST
    wire.cut(LOST)
    page.clock.run_for(1900)
    expect(banner).to_be_hidden()

    page.clock.run_for(200)
    expect(banner).to_be_visible()
    expect(page.locator("#announcer")).to_have_text("连接已断开，正在重新连接。")
    wire.refuses_with = None
    page.get_by_role("button", name="立即重连").click()

    expect(banner).to_be_hidden()
    expect(page.locator("#announcer")).to_have_text("连接已恢复。")


@pytest.mark.parametrize("code", [1012, 4408])
def test_a_server_that_sends_us_elsewhere_is_followed_at_once(wire: Wire, page: Page, code: int) -> None:
    stop_clock(page)
    wire.cut(code)

    # The page's clock stands: whatever waits for a while would wait for ever.
    connected(wire, page, 2)
    expect(page.locator("#connection-banner")).to_be_hidden()


def test_a_refused_token_is_exchanged_and_then_given_up(
    wire: Wire, page: Page, served: Served, session: Session
) -> None:
    with page.expect_request("**/auth/refresh"):
        wire.cut(4401)
    connected(wire, page, 2)
    ask(page, "何谓仁？")
    expect(page.locator(".reply[data-status=completed]")).to_be_visible()

    wire.refuses_with = 4401
    wire.cut(4401)

    expect(page).to_have_url(f"{served.url}/login?next=%2F%3Fsession%3D{session.id}")


def test_too_many_connections_wait_longer(wire: Wire, page: Page) -> None:
    stop_clock(page)
    wire.cut(4429)
    page.clock.run_for(3900)
    page.evaluate("0")
    assert wire.connections == 1

    page.clock.run_for(4200)
    connected(wire, page, 2)


def test_a_reply_goes_on_where_the_connection_broke(
    wire: Wire, page: Page, scripted_model: ScriptedModel
) -> None:
    more = threading.Event()
    scripted_model.script = [
        Say("道可道，"),
        Say("非常道；"),
        Wait(more),
        Say("名可名，非常名。"),
        Usage(9, 9),
    ]
    ask(page, "背一句老子。")
    expect(page.locator(".prose")).to_have_text("道可道，非常道；")

    wire.cut(LOST)
    more.set()
    expect(page.locator(".reply[data-status=completed]")).to_be_visible()

    assert thread(page)[-1] == "道可道，非常道；名可名，非常名。"
    resumed = [frame["data"] for frame in wire.sent if frame["type"] == "resume"]
    reply = Message.objects.get(author="assistant")
    assert resumed[-1]["message_id"] == str(reply.id)
    assert resumed[-1]["last_seq"] > 0


def test_what_is_asked_without_a_connection_is_sent_once_when_it_is_back(wire: Wire, page: Page) -> None:
    wire.refuses_with = LOST
    wire.cut(LOST)
    ask(page, "何谓仁？")
    expect(page.locator(".question[data-delivery=sending]")).to_be_visible()
    expect(page.locator("#connection-banner")).to_be_visible()

    wire.refuses_with = None
    page.get_by_role("button", name="立即重连").click()

    expect(page.locator(".reply[data-status=completed]")).to_have_count(1)
    assert Message.objects.filter(author="reader").count() == 1


def test_what_was_accepted_unheard_is_not_asked_twice(wire: Wire, page: Page) -> None:
    # The server takes the question, and the line breaks before the page hears of it.
    wire.holds = "user_message"
    ask(page, "何谓仁？")
    wire.let_go()
    wire.cut(LOST)

    expect(page.locator(".reply[data-status=completed]")).to_have_count(1)
    assert Message.objects.filter(author="reader").count() == 1


def test_a_draft_stays_with_its_session(wire: Wire, page: Page, served: Served, reader: User) -> None:
    other = create_session(user=reader)
    page.fill("#message-input", "写到一半")
    page.reload()
    ready(page)
    expect(page.locator("#message-input")).to_have_value("写到一半")

    page.goto(f"{served.url}/?session={other.id}")
    ready(page)
    expect(page.locator("#message-input")).to_have_value("")
    page.go_back()
    ready(page)

    expect(page.locator("#message-input")).to_have_value("写到一半")


def test_two_tabs_of_a_session_show_the_same_reply(
    served: Served, page: Page, reader: User, session: Session, scripted_model: ScriptedModel
) -> None:
    more = threading.Event()
    scripted_model.script = [Say("仁者"), Wait(more), Say("爱人。"), Usage(9, 9)]
    log_in(page, served, reader)
    open_session(page, served, session)
    other = page.context.new_page()
    open_session(other, served, session)

    ask(page, "何谓仁？")
    expect(other.locator(".prose")).to_have_text("仁者")
    expect(other.get_by_role("button", name="停止回复")).to_be_visible()
    more.set()

    for tab in (page, other):
        expect(tab.locator(".reply[data-status=completed]")).to_be_visible()
        assert thread(tab) == ["何谓仁？", "仁者爱人。"]
    assert Message.objects.count() == 2


def test_a_tab_that_reads_slowly_of_another_tabs_reply_misses_nothing_of_it(
    served: Served, page: Page, reader: User, session: Session, scripted_model: ScriptedModel
) -> None:
    first, more = threading.Event(), threading.Event()
    scripted_model.script = [Wait(first), Say("仁者"), Wait(more), Say("爱人。"), Usage(9, 9)]
    log_in(page, served, reader)
    open_session(page, served, session)
    other = page.context.new_page()
    heard: list[str | bytes] = []
    other.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard.append(frame)))
    open_session(other, served, session)
    held: list[tuple[Route, APIResponse]] = []
    other.route("**/messages", lambda route: held.append((route, route.fetch())))

    ask(page, "何谓仁？")
    wait_in(other, lambda: held)
    first.set()
    wait_in(other, lambda: any('"delta"' in str(frame) for frame in heard))
    route, read_before = held[0]
    route.fulfill(response=read_before)

    expect(other.locator(".prose")).to_have_text("仁者")
    more.set()
    expect(other.locator(".prose")).to_have_text("仁者爱人。")
