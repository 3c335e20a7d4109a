"""The page of one's conversations in a real Chromium: by day, searched, chosen, and taken away as files."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from accounts.models import User
from chat.exporting import places
from chat.exporting.writing import run_export
from chat.models import Export, Message, Session
from chat.services.exports import create_export
from chat.services.sessions import create_session, pin_session, rename_session
from chat.tests.reading import fits, log_in, ready
from chat.tests.served import Served
from chat.tests.talking import Talk
from guoxue.tests.browsing import MARKS

pytestmark = MARKS


@pytest.fixture(scope="module")
def _server(
    tmp_path_factory: pytest.TempPathFactory, django_db_setup: None, django_db_blocker: Any
) -> Iterator[Served]:
    with django_db_blocker.unblock():
        server = Served(EXPORT_DIR=str(tmp_path_factory.mktemp("exports")))
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def shared_folder(settings: Any, _server: Served) -> None:
    """The worker, which is this process, and the web process write and read in one folder."""
    settings.EXPORT_DIR = settings.BASE_DIR.__class__(_server.environment["EXPORT_DIR"])


@pytest.fixture
def sessions(reader: User) -> list[Session]:
    """Three conversations: of today, of yesterday, and one pinned that is old; and one without a word."""
    made = []
    for number, (title, days) in enumerate({"论学": 0, "论仁": 1, "论道": 400}.items()):
        talk = Talk(reader, create_session(user=reader))
        talk.ask(f"何谓{title}？", f"{title}之要，在于学而时习之。" * (number + 1))
        rename_session(user=reader, session_id=talk.session.id, title=title)
        moment = timezone.now() - timedelta(days=days)
        Session.objects.filter(id=talk.session.id).update(last_message_at=moment)
        made.append(talk.session)
    pin_session(user=reader, session_id=made[2].id)
    create_session(user=reader)
    return made


def open_history(page: Page, served: Served, reader: User) -> None:
    log_in(page, served, reader)
    page.goto(f"{served.url}/history")
    ready(page)


def test_conversations_stand_by_day_and_open(served: Served, reader, sessions, page: Page) -> None:
    open_history(page, served, reader)

    expect(page.locator(".history-day")).to_have_text(["置顶", "今天", "昨天"])
    expect(page.locator(".history-title")).to_have_text(["论道", "新对话", "论学", "论仁"])
    # Of the one without a word there is nothing to choose.
    expect(page.locator(".history-row").get_by_role("checkbox")).to_have_count(3)
    expect(page.get_by_role("link", name="记录")).to_have_attribute("aria-current", "page")
    assert fits(page)
    page.get_by_role("link", name="论仁").click()

    expect(page).to_have_url(f"{served.url}/?session={sessions[1].id}")


def test_search_marks_what_matched_and_leads_to_the_message(
    served: Served, corpus, reader, sessions, page: Page
) -> None:
    open_history(page, served, reader)
    page.get_by_role("searchbox", name="搜索我的问与答").fill("論仁之要")

    hit = page.locator(".history-hit")
    expect(page.locator("#search-status")).to_have_text("找到 1 条")
    expect(hit.locator("mark").first).to_have_text("论仁之要")
    expect(page.locator("#sessions")).to_be_hidden()
    assert fits(page)
    reply = Message.objects.get(session=sessions[1], author="assistant")
    hit.get_by_role("link").click()
    expect(page).to_have_url(f"{served.url}/?session={sessions[1].id}&message={reply.id}")
    ready(page)
    page.go_back()

    # The search is there as it was left, and ends with its words.
    expect(page.locator("#search-status")).to_have_text("找到 1 条")
    page.get_by_role("searchbox", name="搜索我的问与答").fill("")
    expect(page.locator(".history-row")).to_have_count(4)
    expect(page).to_have_url(f"{served.url}/history")


def test_search_says_when_there_is_nothing(served: Served, reader, sessions, page: Page) -> None:
    open_history(page, served, reader)

    page.get_by_role("searchbox", name="搜索我的问与答").fill("无此语也")
    expect(page.locator("#search-status")).to_have_text("没有找到。换个说法，或少写几个字试试。")
    page.get_by_role("searchbox", name="搜索我的问与答").fill("，。")

    expect(page.locator("#search-status")).to_have_text("请输入要找的文字。")
    expect(page.locator(".history-row")).to_have_count(4)


def test_chosen_conversations_are_exported_watched_and_downloaded(
    served: Served, reader, sessions, page: Page
) -> None:
    open_history(page, served, reader)
    page.get_by_role("checkbox", name="选择：论学").check()
    page.get_by_role("checkbox", name="选择：论仁").check()
    expect(page.locator("#chosen-count")).to_have_text("已选 2 个对话")
    assert fits(page)
    page.get_by_role("button", name="导出所选").click()
    expect(page.locator("#export-what")).to_have_text("导出选中的 2 个对话，格式：")
    page.get_by_role("radio", name="Markdown").check()
    assert fits(page)
    page.get_by_role("button", name="开始导出").click()

    row = page.locator(".export")
    expect(row).to_contain_text("Markdown · 2 个对话")
    expect(row).to_contain_text("等待生成…")
    expect(page.locator("#chosen-bar")).to_be_hidden()
    export = Export.objects.get()
    assert set(export.session_ids) == {sessions[0].id, sessions[1].id}
    Export.objects.update(status="running", processed=1, beat_at=timezone.now())
    expect(row).to_contain_text("正在生成，1 / 2")
    expect(row.get_by_role("progressbar")).to_have_attribute("value", "1")
    assert fits(page)
    Export.objects.update(status="queued")
    run_export(export_id=export.id)
    expect(row).to_contain_text("保留到")

    expect(page.locator("#announcer")).to_contain_text("Markdown · 2 个对话")
    with page.expect_download() as download:
        row.get_by_role("button", name="下载").click()
    day = timezone.localdate().isoformat()
    assert download.value.suggested_filename == f"国学大师-对话记录-{day}.md"
    text = download.value.path().read_text()
    assert ("## 论学" in text, "## 论仁" in text, "## 论道" in text) == (True, True, False)
    assert fits(page)

    row.get_by_role("button", name="删除").click()
    row.get_by_role("button", name="确定删除").click()
    expect(page.locator("#exports")).to_be_hidden()
    assert not Export.objects.exists()
    assert not places.folder_of(export.id).exists()


def test_a_download_has_a_fresh_link(served: Served, reader, sessions, page: Page) -> None:
    export = create_export(user=reader, format="json", session_ids=None)
    run_export(export_id=export.id)

    def with_an_old_link(route: Route) -> None:
        answer = route.fetch()
        page_of_exports = answer.json()
        page_of_exports["results"][0]["download_url"] += "-too-old"
        route.fulfill(response=answer, json=page_of_exports)

    page.route("**/api/v1/exports?limit=5", with_an_old_link)
    open_history(page, served, reader)
    with page.expect_download() as download:
        page.get_by_role("button", name="下载").click()

    assert '"guoxue-conversations"' in download.value.path().read_text()


def test_all_is_exported_by_keyboard_alone(served: Served, reader, sessions, page: Page) -> None:
    open_history(page, served, reader)
    page.get_by_role("button", name="导出全部").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("radio", name="PDF")).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")

    expect(page.locator(".export")).to_contain_text("JSON · 3 个对话")
    expect(page.locator("#exports-title")).to_be_focused()
    assert Export.objects.get().total == 3


def test_what_the_server_refuses_is_said_in_the_dialog(
    served: Served, reader, sessions, page: Page, tolerated
) -> None:
    tolerated.append("Failed to load resource")
    for _ in range(2):
        Export.objects.create(owner=reader, format="json", session_ids=[sessions[0].id], total=1)
    open_history(page, served, reader)
    page.get_by_role("button", name="导出全部").click()
    page.get_by_role("button", name="开始导出").click()

    expect(page.locator("#export-error")).to_have_text("正在生成的导出已达上限，请等它们完成后再试。")
    page.get_by_role("button", name="取消", exact=True).click()

    expect(page.get_by_role("button", name="导出全部")).to_be_focused()
    assert Export.objects.count() == 2


def test_an_export_that_failed_says_why(served: Served, reader, sessions, page: Page) -> None:
    Export.objects.create(
        owner=reader,
        **{"format": "pdf", "session_ids": [sessions[0].id], "total": 1, "status": "failed"},
        **{"error_code": "export_too_large", "error_message": "内容太多，一份文件放不下，请分几次导出。"},
    )
    open_history(page, served, reader)

    expect(page.locator(".export")).to_contain_text("内容太多，一份文件放不下，请分几次导出。")
    expect(page.get_by_role("button", name="下载")).to_have_count(0)


def test_choosing_all_and_none(served: Served, reader, sessions, page: Page) -> None:
    open_history(page, served, reader)
    every = page.get_by_role("checkbox", name="选择以下全部")

    every.check()
    expect(page.locator("#chosen-count")).to_have_text("已选 3 个对话")
    page.get_by_role("checkbox", name="选择：论学").uncheck()
    assert every.evaluate("box => box.indeterminate")
    page.get_by_role("button", name="取消选择").click()

    expect(page.locator("#chosen-bar")).to_be_hidden()
    expect(every).to_be_focused()


def test_without_a_login_there_is_the_way_to_it(served: Served, page: Page) -> None:
    page.goto(f"{served.url}/history")
    expect(page.get_by_text("登录后，问过的话都在这里")).to_be_visible()
    page.get_by_role("main").get_by_role("link", name="登录").click()

    expect(page).to_have_url(f"{served.url}/login?next=/history")


def test_an_empty_history_leads_to_the_first_question(served: Served, reader, page: Page) -> None:
    open_history(page, served, reader)

    expect(page.get_by_text("还没有对话。问一句经典，就会记在这里。")).to_be_visible()
    expect(page.get_by_role("button", name="导出全部")).to_be_hidden()
    assert fits(page)
