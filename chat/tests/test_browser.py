"""The product as a new reader meets it: a real Chromium, web process, worker and e-mail file."""

import email
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from email import policy
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from chat.models import Message
from chat.tests.served import ROOT, Served
from guoxue.tests.browsing import MARKS
from guoxue.tests.scripted_model import spoken

ANSWER = (
    "这句话出自《论语·为政》[1]：\n\n> 子曰：“学而不思则罔，思而不学则殆。”\n\n意思是说：**学与思**不可偏废。"
)
QUESTION = "「学而不思则罔」出自哪里，上下文是什么？"

pytestmark = MARKS


@pytest.fixture
def mailbox(served: Served, tmp_path: Path) -> Iterator[Path]:
    """A worker that writes e-mail into files."""
    environment = {**served.environment, "EMAIL_URL": f"filemail:///{tmp_path}"}
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "guoxue",
        "worker",
        "--concurrency",
        "1",
        "--loglevel",
        "error",
    ]
    worker = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL)
    yield tmp_path
    worker.terminate()
    worker.wait(20)


def code_in(mailbox: Path) -> str:
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        for path in mailbox.iterdir():
            text = email.message_from_bytes(path.read_bytes(), policy=policy.default).get_content()
            if found := re.search(r"^(\d{6})$", text, re.MULTILINE):
                return found.group(1)
        time.sleep(0.1)
    raise AssertionError("no code arrived")


def register(page: Page, served: Served, mailbox: Path) -> None:
    page.goto(f"{served.url}/")
    expect(page).to_have_url(f"{served.url}/login")
    page.click("#register-link")
    page.fill("#email", "new.reader@example.com")
    page.click("#send-code")
    page.fill("#code", code_in(mailbox))
    page.fill("#password", "shan-gao-shui-chang-1024")
    page.click("#register-submit")
    expect(page.locator("#balance")).to_have_text("¥10.00")


def ask(page: Page) -> None:
    expect(page.locator('body[data-ready="true"]')).to_be_attached()
    page.fill("#message-input", QUESTION)
    page.keyboard.press("Enter")


def last_reply(page: Page) -> str:
    return re.sub(r"\s+", "", page.locator("#thread > li").last.inner_text())


def test_a_new_reader_registers_asks_opens_a_source_and_reloads(
    served, mailbox, corpus, page, scripted_model
):
    scripted_model.script = spoken(ANSWER, size=3, pause=0.02)
    register(page, served, mailbox)
    expect(page.locator("#ai-notice")).to_have_text("内容由 AI 生成，请对照原典")

    ask(page)
    expect(page.locator("#thread")).to_contain_text("学与思")
    expect(page.locator("#thread blockquote")).to_contain_text("子曰：“学而不思则罔，思而不学则殆。”")
    expect(page.locator("#balance")).to_have_text("¥9.99")
    expect(page.locator(".reply[data-status=completed]")).to_be_visible()
    before = last_reply(page)
    assert "✓" in before

    page.locator(".chip").first.click()
    expect(page.locator("#source-dialog")).to_be_visible()
    expect(page.locator("#source-body")).to_contain_text("攻乎异端，斯害也已")
    page.keyboard.press("Escape")
    expect(page.locator("#source-dialog")).to_be_hidden()

    page.reload()
    expect(page.locator(".reply[data-status=completed]")).to_be_visible()
    assert last_reply(page) == before
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_page_closed_in_mid_stream_shows_the_whole_reply_when_it_comes_back(
    served, mailbox, corpus, page, scripted_model
):
    scripted_model.script = spoken(ANSWER * 3, size=2, pause=0.04)
    register(page, served, mailbox)
    ask(page)
    expect(page.locator("#thread")).to_contain_text("这句话")

    conversation = page.url
    page.goto("about:blank")
    page.goto(conversation)
    expect(page.locator("#thread strong")).to_have_count(3, timeout=30_000)
    expect(page.locator('.reply[data-status="completed"]')).to_be_visible(timeout=30_000)

    reply = Message.objects.get(author="assistant")
    assert (reply.status, reply.text) == ("completed", ANSWER * 3)
    assert last_reply(page).count("不可偏废") == 3
