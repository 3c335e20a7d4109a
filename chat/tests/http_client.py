"""A client of the addresses at which replies are written."""

import json
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx2 as httpx

from accounts.models import User
from accounts.tokens import issue_tokens
from chat.tests.served import QUESTION, Served

Event = tuple[str, str, dict[str, Any]]


class Http:
    """One reader at one address; ``body`` is what is sent beside the ``client_message_id``."""

    def __init__(self, served: Served, user: User, path: str, **body: Any) -> None:
        self.url = f"{served.url}/api/v1/{path}"
        self.headers = {"Authorization": f"Bearer {issue_tokens(user).access}"}
        self._sent = body

    @classmethod
    def of_session(cls, served: Served, user: User, session_id: object) -> "Http":
        """Ask in a session."""
        return cls(served, user, f"sessions/{session_id}/messages", message=QUESTION)

    def ask(self, client_message_id: uuid.UUID | None = None, **body: Any) -> httpx.Response:
        return httpx.post(
            self.url, json=self.body(client_message_id) | body, headers=self.headers, timeout=30
        )

    def stream(
        self, client_message_id: uuid.UUID | None = None, **headers: str
    ) -> AbstractContextManager[httpx.Response]:
        headers = {**self.headers, "Accept": "text/event-stream", **headers}
        return httpx.stream("POST", self.url, json=self.body(client_message_id), headers=headers, timeout=30)

    def body(self, client_message_id: uuid.UUID | None = None) -> dict[str, str]:
        return {**self._sent, "client_message_id": str(client_message_id or uuid.uuid4())}


def events(response: httpx.Response) -> Iterator[Event]:
    """Yield number, kind and data of each event."""
    block: dict[str, str] = {}
    for line in response.iter_lines():
        if not line and block:
            yield block.get("id", ""), block["event"], json.loads(block["data"])
            block = {}
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            block[name] = value


def text_of(received: list[Event]) -> str:
    """The text of the deltas."""
    return "".join(data["text"] for _, kind, data in received if kind == "delta")
