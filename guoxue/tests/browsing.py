"""A real Chromium for tests: pages that must not complain, nor ask any other host for anything.

A conftest takes in the fixtures ``browser`` and ``page``; a test module wears the marks.
"""

import os
import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)
MARKS = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine (apt install chromium)"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Playwright's loop lives in this thread; Django would refuse every query beside it.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def tolerated() -> list[str]:
    """What the browser's console may say in a test that provokes it; the beginnings of such lines."""
    return []


@pytest.fixture(params=[1280, 360])
def page(browser: Browser, request: pytest.FixtureRequest, tolerated: list[str]) -> Iterator[Page]:
    """A page on a wide and on a narrow screen."""
    context = browser.new_context(viewport={"width": request.param, "height": 800}, locale="zh-CN")
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    hosts: set[str] = set()
    page.on("request", lambda sent: hosts.add(re.sub(r"^\w+://([^/:]*).*", r"\1", sent.url)))
    yield page
    context.close()
    assert [said for said in complaints if not said.startswith(tuple(tolerated))] == []
    assert hosts <= {"127.0.0.1", ""}
