"""The list of conversations in a real Chromium: by day, pinned, renamed, cleared, deleted, searched, in every tab."""

from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Locator, Page, expect

from accounts.models import User
from chat.models import ConversationSummary, Message, Session
from chat.services.sessions import create_session
from chat.tests.reading import fits, log_in, open_session, ready, show_sessions, thread
from chat.tests.served import Served
from chat.tests.talking import Talk
from guoxue.tests.browsing import MARKS

pytestmark = [*MARKS, pytest.mark.usefixtures("corpus")]


def titled(reader: User, title: str, *, days: int = 0) -> Session:
    """A session whose last message is some days old."""
    session = create_session(user=reader)
    when = timezone.now() - timedelta(days=days)
    Session.objects.filter(id=session.id).update(title=title, last_message_at=when)
    return session


def days(page: Page) -> dict[str, list[str]]:
    """The titles under each heading of the list."""
    read = """sections => Object.fromEntries(sections.map(section => [
        section.querySelector("h3").textContent,
        [...section.querySelectorAll(".session-title")].map(title => title.textContent),
    ]))"""
    found: dict[str, list[str]] = page.locator("#session-list section").evaluate_all(read)
    return found


def manage(page: Page, title: str) -> None:
    """Open the dialog in which a session is managed."""
    button = page.get_by_role("button", name=f"管理对话：{title}", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#session-dialog")).to_be_visible()


@pytest.fixture
def shelf(served: Served, page: Page, reader: User) -> Page:
    """Sessions of several days, and the page that lists them."""
    for title, age in (("论仁", 0), ("论礼", 1), ("论义", 4), ("论智", 30)):
        titled(reader, title, days=age)
    log_in(page, served, reader)
    open_session(page, served)
    show_sessions(page)
    return page


def test_sessions_stand_under_their_days_and_pinned_ones_first(shelf: Page) -> None:
    page = shelf
    assert days(page) == {"今天": ["论仁"], "昨天": ["论礼"], "7 天内": ["论义"], "更早": ["论智"]}

    manage(page, "论智")
    page.get_by_role("button", name="置顶", exact=True).click()
    expect(page.locator("#session-list h3").first).to_have_text("置顶")

    assert days(page) == {"置顶": ["论智"], "今天": ["论仁"], "昨天": ["论礼"], "7 天内": ["论义"]}
    expect(page.get_by_role("button", name="管理对话：论智")).to_be_focused()
    assert Session.objects.get(title="论智").pinned_at is not None
    page.reload()
    ready(page)
    show_sessions(page)
    assert list(days(page)) == ["置顶", "今天", "昨天", "7 天内"]
    manage(page, "论智")
    page.get_by_role("button", name="取消置顶").click()
    expect(page.locator("#session-list h3").first).to_have_text("今天")
    assert fits(page)


def test_a_session_is_renamed(shelf: Page) -> None:
    page = shelf
    manage(page, "论礼")
    page.fill("#session-title", "  ")
    page.keyboard.press("Enter")
    expect(page.locator("#session-title-error")).to_have_text("请写一个标题。")
    page.fill("#session-title", "论礼之本")
    page.keyboard.press("Enter")

    expect(page.get_by_role("link", name="论礼之本")).to_be_visible()
    assert days(page)["昨天"] == ["论礼之本"]
    assert Session.objects.filter(title="论礼之本", title_source="reader").exists()


def test_a_session_is_deleted_only_when_the_reader_is_sure(shelf: Page) -> None:
    page = shelf
    manage(page, "论义")
    page.get_by_role("button", name="删除对话…").click()
    sure = page.get_by_role("alertdialog", name="删除对话？")
    expect(sure).to_contain_text("“论义”及其中的问答将一并删除，不可恢复。")
    expect(sure.get_by_role("button", name="取消")).to_be_focused()
    page.keyboard.press("Escape")
    expect(sure).to_be_hidden()
    assert Session.objects.filter(title="论义").exists()

    manage(page, "论义")
    page.get_by_role("button", name="删除对话…").click()
    sure.get_by_role("button", name="删除对话").click()

    expect(page.get_by_role("link", name="论义")).to_have_count(0)
    expect(page.locator("#new-session")).to_be_focused()
    assert not Session.objects.filter(title="论义").exists()


def test_older_sessions_come_on_demand_each_once(served: Served, page: Page, reader: User) -> None:
    for number in range(23):
        titled(reader, f"旧谈{number:02}", days=10 + number)
    log_in(page, served, reader)
    open_session(page, served)
    show_sessions(page)
    expect(page.locator("#session-list .session")).to_have_count(20)

    page.get_by_role("button", name="加载更多").click()
    expect(page.locator("#session-list .session")).to_have_count(23)

    assert days(page) == {"更早": [f"旧谈{number:02}" for number in range(23)]}
    expect(page.get_by_role("button", name="加载更多")).to_have_count(0)


def test_clearing_leaves_the_session_and_takes_its_messages(
    served: Served, page: Page, reader: User, talk: Talk
) -> None:
    talk.ask("何谓仁？", "仁者爱人也。")
    log_in(page, served, reader)
    open_session(page, served, talk.session)
    expect(page.locator(".reply")).to_have_count(1)
    show_sessions(page)

    manage(page, "何谓仁？")
    page.get_by_role("button", name="清空消息…").click()
    page.get_by_role("button", name="清空消息", exact=True).click()

    expect(page.locator("#thread > li")).to_have_count(0)
    expect(page.locator("#welcome")).to_be_visible()
    expect(page.get_by_role("link", name="新对话")).to_be_visible()
    assert Message.objects.count() == 0
    assert Session.objects.get().title == ""


def test_what_a_role_remembers_is_shown_and_forgotten(
    served: Served, page: Page, reader: User, talk: Talk
) -> None:
    reply = talk.ask("何谓仁？", "仁者爱人也。")
    ConversationSummary.objects.create(session=talk.session, text="读者问过仁。", covers=reply)
    log_in(page, served, reader)
    open_session(page, served, talk.session)
    show_sessions(page)
    manage(page, "何谓仁？")
    page.get_by_role("button", name="记忆摘要…").click()
    expect(page.locator("#summary-text")).to_have_text("读者问过仁。")
    expect(page.locator("#summary-about")).to_contain_text("AI")
    assert fits(page)

    page.get_by_role("button", name="忘记摘要…").click()
    page.get_by_role("button", name="忘记", exact=True).click()
    expect(page.locator(".notice")).to_have_text("已忘记")

    manage(page, "何谓仁？")
    page.get_by_role("button", name="记忆摘要…").click()
    expect(page.locator("#summary-text")).to_contain_text("还没有摘要")
    expect(page.get_by_role("button", name="忘记摘要…")).to_be_hidden()
    assert Message.objects.count() == 2


def hits(page: Page) -> Locator:
    return page.locator("#search-results .session")


def test_a_search_finds_titles_and_messages_and_opens_at_the_message(
    served: Served, page: Page, reader: User, talk: Talk
) -> None:
    titled(reader, "學而時習之")
    first = talk.ask("何谓仁？", "仁者爱人。")
    for number in range(15):
        talk.ask(f"第{number}问", "且听下回分解。" * 20)
    # What is looked for stands on a branch that the reader does not see.
    talk.ask("学而何解？", "学而者，效也。", edit_of=first.reply_to)
    talk.ask("何谓仁者？", "仁者不忧。" * 40, edit_of=first.reply_to)
    log_in(page, served, reader)
    open_session(page, served)
    show_sessions(page)

    page.fill("#session-query", "学而")
    expect(page.locator("#search-status")).to_have_text("找到 3 条")
    expect(page.locator("#sessions")).to_be_hidden()
    expect(page.locator("#search-results h3")).to_have_text(["标题", "消息"])
    expect(hits(page).first).to_contain_text("學而時習之")
    expect(page.locator(".hit-snippet mark")).to_have_text(["学而", "学而"])
    page.get_by_role("link", name="我问：学而何解？").click()

    found = page.locator("#thread .question")
    expect(found).to_have_attribute("data-revealed", "true")
    expect(found).to_be_focused()
    expect(found).to_be_in_viewport()
    assert thread(page) == ["学而何解？", "学而者，效也。"]
    assert fits(page)


def test_a_search_is_ended_with_escape_before_the_drawer(shelf: Page) -> None:
    page = shelf
    page.fill("#session-query", "，。")
    expect(page.locator("#search-status")).to_have_text("请输入要找的文字。")
    page.fill("#session-query", "天下")
    expect(page.locator("#search-status")).to_have_text("没有找到")
    page.keyboard.press("Escape")

    expect(page.locator("#session-query")).to_have_value("")
    expect(page.get_by_role("link", name="论仁")).to_be_visible()
    assert page.locator("#drawer").is_visible()


def test_a_message_far_back_is_opened(served: Served, page: Page, reader: User, talk: Talk) -> None:
    sought = talk.ask("学问之道何在？", "求其放心而已。")
    for number in range(60):
        talk.ask(f"第{number}问", "且听下回分解。")
    log_in(page, served, reader)

    page.goto(f"{served.url}/?session={talk.session.id}&message={sought.id}")

    expect(page.locator(f'[data-message-id="{sought.id}"]')).to_have_attribute("data-revealed", "true")
    expect(page.locator(f'[data-message-id="{sought.id}"]')).to_be_in_viewport()
    assert len(thread(page)) == 122


def test_what_one_tab_changes_the_other_shows(served: Served, page: Page, reader: User, talk: Talk) -> None:
    reply = talk.ask("何谓仁？", "仁者爱人也。")
    talk.regenerate(reply, "克己为仁也。")
    log_in(page, served, reader)
    open_session(page, served, talk.session)
    other = page.context.new_page()
    open_session(other, served, talk.session)
    expect(other.locator(".versions-place")).to_have_text("2/2")

    page.get_by_role("button", name="上一版").click()
    expect(other.locator(".versions-place")).to_have_text("1/2")
    assert thread(other) == thread(page) == ["何谓仁？", "仁者爱人也。"]
    show_sessions(page)
    manage(page, "何谓仁？")
    page.fill("#session-title", "论仁")
    page.keyboard.press("Enter")
    expect(other).to_have_title("论仁 · 国学大师")
    manage(page, "论仁")
    page.get_by_role("button", name="删除对话…").click()
    page.get_by_role("button", name="删除对话", exact=True).click()

    expect(other.locator("#welcome")).to_be_visible()
    expect(other.locator(".notice")).to_have_text("没有找到这个对话，它可能已被删除。")
