"""The product as it is served: a real daphne process on the test database, and a real WebSocket client."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

from django.conf import settings
from django.db import connection
from websockets.sync.client import ClientConnection, connect

from accounts.models import User
from accounts.tokens import issue_tokens
from billing.audit import audit_ledger

ROOT = Path(__file__).resolve().parent.parent.parent
Frame = dict[str, Any]
QUESTION = "「学而不思则罔」出自哪里？"
LONG = "学而不思则罔，思而不学则殆。" * 10


class Served:
    """One web process; ``kill`` ends it without a farewell."""

    def __init__(self, **environment: str) -> None:
        self.environment = {
            **os.environ,
            "DATABASE_URL": _test_database_url(),
            "DEBUG": "true",
            **environment,
        }
        self.environment.setdefault("SECRET_KEY", settings.SECRET_KEY)
        self.port = _free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Self:
        """Start the process unless it runs, and wait until it is ready."""
        if self.process is not None and self.process.poll() is None:
            return self
        command = [sys.executable, "-m", "guoxue.serve", "--bind", "127.0.0.1", "--port", str(self.port)]
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the web process died at its start"
            try:
                urllib.request.urlopen(f"{self.url}/readyz", timeout=2)
                return self
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise AssertionError("the web process did not become ready")

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End the process as an operator would."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def socket(self, user: User, session_id: uuid.UUID) -> "ChatSocket":
        """Connect as the browser does: the token travels as a subprotocol."""
        protocols = ["bearer", issue_tokens(user).access]
        return ChatSocket(connect(self.socket_url(session_id), subprotocols=protocols, max_size=None))

    def socket_url(self, session_id: object) -> str:
        return f"ws://127.0.0.1:{self.port}/ws/chat/{session_id}"


class ChatSocket:
    """A client of the chat protocol; connected inside its ``with`` block."""

    connection: ClientConnection

    def __init__(self, connecting: AbstractContextManager[ClientConnection]) -> None:
        self._connecting = connecting

    def __enter__(self) -> Self:
        self.connection = self._connecting.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._connecting.__exit__(*exception)

    def send(self, kind: str, **data: Any) -> None:
        self.connection.send(json.dumps({"type": kind, "data": data}))

    def ask(self, message: str, client_message_id: uuid.UUID | None = None) -> uuid.UUID:
        client_message_id = client_message_id or uuid.uuid4()
        self.send("user_message", message=message, client_message_id=str(client_message_id))
        return client_message_id

    def receive(self, timeout: float = 20) -> Frame:
        frame: Frame = json.loads(self.connection.recv(timeout=timeout))
        return frame

    def until(self, kind: str, timeout: float = 20) -> list[Frame]:
        """Receive up to the first frame of a kind; the last one of the list is that frame."""
        frames = []
        while not frames or frames[-1]["type"] != kind:
            frames.append(self.receive(timeout))
        return frames


def _test_database_url() -> str:
    """The configured database URL with the test database's name."""
    base, _, _ = settings.DATABASE_URL.partition("?")
    return f"{base.rpartition('/')[0]}/{connection.settings_dict['NAME']}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def joined(frames: list[Frame]) -> str:
    """The text of the deltas."""
    return "".join(frame["data"]["text"] for frame in frames if frame["type"] == "delta")


def sequence(frames: list[Frame]) -> list[int]:
    """The numbers of the deltas."""
    return [frame["data"]["seq"] for frame in frames if frame["type"] == "delta"]


def wait_for(condition: Callable[[], Any], timeout: float = 15) -> Any:
    """Wait until the condition gives something, and return that."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.05)
    raise AssertionError("the condition did not come true")


def books_agree() -> bool:
    """Tell whether the audit of the ledger finds nothing."""
    return not any(finding.deviations for finding in audit_ledger())
