"""Steps of a reader in a real browser: be logged in, open a session, ask, and wait for what comes."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, WebSocketRoute, expect

from accounts.models import User
from accounts.tokens import issue_tokens
from chat.models import Session
from chat.tests.served import Frame, Served


def log_in(page: Page, served: Served, user: User) -> None:
    """Be the user from the first page on."""
    token = json.dumps(issue_tokens(user).refresh)
    page.add_init_script(
        f"if (!localStorage.getItem('guoxue.refresh')) localStorage.setItem('guoxue.refresh', {token});"
    )
    page.goto(f"{served.url}/livez")


def open_session(page: Page, served: Served, session: Session | None = None) -> None:
    """Open a session, or the page without one, and wait for its script."""
    page.goto(f"{served.url}/" + (f"?session={session.id}" if session else ""))
    ready(page)


def ready(page: Page) -> None:
    """Wait until the page answers the reader."""
    expect(page.locator('body[data-ready="true"]')).to_be_attached()


def ask(page: Page, text: str) -> None:
    """Type a question and send it."""
    page.fill("#message-input", text)
    page.keyboard.press("Enter")


def show_sessions(page: Page) -> None:
    """Open the drawer where it covers the conversation."""
    if page.locator("#menu-button").is_visible():
        page.click("#menu-button")


def thread(page: Page) -> list[str]:
    """The texts of the bubbles and of the replies, the oldest first, without white space."""
    texts = page.locator("#thread .bubble, #thread .prose").all_inner_texts()
    return [re.sub(r"\s+|[✓≈✗○]", "", text) for text in texts]


def fits(page: Page) -> bool:
    """Tell whether nothing sticks out of the screen."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


def wait_in(page: Page, condition: Callable[[], Any]) -> None:
    """Wait until something has come of the page; Playwright tells us of it only while we wait for the page."""
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        page.wait_for_timeout(10)


class Wire:
    """What stands between the page and the server: frames can be slipped in or held back, and the line cut."""

    def __init__(self, page: Page) -> None:
        self.sent: list[Frame] = []
        self.connections = 0
        self.is_open = False
        self.refuses_with: int | None = None
        self.holds = ""
        self._tab = page
        self._held: list[str | bytes] = []
        self._page: WebSocketRoute | None = None
        self._server: WebSocketRoute | None = None
        page.route_web_socket(re.compile(r"/ws/chat/"), self._connected)

    def _connected(self, route: WebSocketRoute) -> None:
        self.connections += 1
        self._page = route
        if self.refuses_with is not None:
            route.close(code=self.refuses_with)
            return
        self._server = route.connect_to_server()
        route.on_message(self._to_server)

    def _to_server(self, message: str | bytes) -> None:
        frame = json.loads(message)
        if frame["type"] == "ping":
            # The page's first word on every connection.
            self.is_open = True
        else:
            self.sent.append(frame)
        if frame["type"] == self.holds:
            self._held.append(message)
        elif self._server is not None:
            self._server.send(message)

    def opened(self) -> None:
        """Wait until the page is connected: until then its patience runs as after a loss."""
        wait_in(self._tab, lambda: self.is_open)

    def asked(self) -> str:
        """Wait for the question that is held back, and return its ``client_message_id``."""
        wait_in(self._tab, lambda: self._held)
        return str(json.loads(self._held[-1])["data"]["client_message_id"])

    def let_go(self) -> None:
        """Pass on what was held back, and hold nothing any more."""
        assert self._server is not None
        self.holds = ""
        for message in self._held:
            self._server.send(message)
        self._held.clear()

    def say(self, frame: str, /, **data: Any) -> None:
        """Send the page a frame as if the server had."""
        assert self._page is not None
        self._page.send(json.dumps({"type": frame, "data": data}))

    def cut(self, code: int) -> None:
        """Close the page's connection with the code."""
        assert self._page is not None
        self._page.close(code=code)
