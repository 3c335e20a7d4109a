"""Decides how our whole engine is run and asked as a reader's client does, whoever measures it.

A conversation costs a reader, a session and a socket of its own, so that nothing of one is warm for another.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, Literal, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from benchmarks.database import SECRET_KEY
from benchmarks.environments import peer_python
from benchmarks.servers import free_port, running

Kind = Literal["daphne", "uvicorn", "daphne without a log"]
_PEERS = Path(__file__).with_name("peers")
_CLOCK_OF_PROCESS = 2
# Those of an earlier run may still be in Redis.
_numbers = count(time.time_ns() % 10**12)


@dataclass(frozen=True)
class Conversation:
    """A session that nobody has spoken in yet, and its reader's token."""

    session_id: uuid.UUID
    token: str


@dataclass(frozen=True)
class Heard:
    """What a client heard of one reply: how many seconds after it had asked each frame came, by the frame's kind."""

    asked_at: float
    after: dict[str, list[float]]
    final: dict[str, Any]


class Engine:
    """The product in a process of its own, from ``with`` to its end, on the database that the benchmark has opened."""

    process: subprocess.Popen[bytes]

    def __init__(self, kind: Kind, upstream: str, **environment: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = _command(kind, self.port)
        self._environment = {
            **os.environ,
            "SECRET_KEY": SECRET_KEY,
            "TRIAL_HMAC_KEY": SECRET_KEY,
            "DEBUG": "false",
            "LOG_LEVEL": "WARNING",
            "LLM_BASE_URL": upstream,
            "LLM_API_KEY": "benchmark",
            "LLM_MAX_STREAMS": "1000",
            **environment,
        }
        if kind == "uvicorn":
            self._environment["PYTHONPATH"] = str(_packages_of_uvicorn())
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self.process = self._stack.enter_context(
            running(self._command, f"{self.url}/livez", environment=self._environment)
        )
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def cpu_seconds(self) -> float:
        """Return the CPU seconds of the process so far, all of its threads."""
        return cpu_seconds_of(self.process.pid)

    def cpu_of(self, conversations: Sequence[Conversation], message: str) -> float:
        """Return the CPU seconds that it takes to answer once in each conversation, all at once."""
        before = self.cpu_seconds()
        asyncio.run(self.ask_all(conversations, message))
        return self.cpu_seconds() - before

    async def ask_all(self, conversations: Sequence[Conversation], message: str) -> list[Heard]:
        """Ask in all conversations at once; return what was heard, or end the benchmark where a reply failed.

        See ``never_asked``.
        """
        asks = (self.ask(each, never_asked(message)) for each in conversations)
        return await asyncio.gather(*asks)

    async def ask(
        self,
        conversation: Conversation,
        message: str,
    ) -> Heard:
        """Ask, and read the reply to its end."""
        async with self.connect(conversation) as socket:
            asked_at = time.monotonic()
            await send(socket, "user_message", message=message, client_message_id=str(uuid.uuid4()))
            after: dict[str, list[float]] = defaultdict(list)
            async for text in socket:
                frame = json.loads(text)
                after[frame["type"]].append(time.monotonic() - asked_at)
                if frame["type"] == "error":
                    break
                if frame["type"] == "ai_response":
                    if frame["data"]["status"] != "completed":
                        break
                    return Heard(asked_at, after, frame["data"])
        raise SystemExit(f"A question was not answered: {text!r:.500}")

    def connect(self, conversation: Conversation, **options: Any) -> connect:
        """Open a socket on a conversation, as a browser does; the options are those of the client's library."""
        url = f"ws://127.0.0.1:{self.port}/ws/chat/{conversation.session_id}"
        said = [Subprotocol("bearer"), Subprotocol(conversation.token)]
        return connect(url, subprotocols=said, compression=None, open_timeout=60, **options)


def never_asked(message: str) -> str:
    """Return a question that comes to no engine twice: the vector of one that is known would spare the work."""
    return f"{message}（第{next(_numbers)}问）"


async def send(socket: ClientConnection, kind: str, **data: Any) -> None:
    """Send a frame."""
    await socket.send(json.dumps({"type": kind, "data": data}))


def make_conversations(count: int) -> list[Conversation]:
    """Make so many readers with a session and the trial balance each."""
    from django.utils import timezone

    from accounts.models import User
    from accounts.tokens import issue_tokens
    from billing.services import open_wallet
    from chat.services.sessions import create_session

    made = []
    for _ in range(count):
        # A verified address brings the trial balance.
        reader = User.objects.create(
            email=f"{uuid.uuid4().hex}@example.com", email_verified_at=timezone.now()
        )
        open_wallet(user=reader)
        session = create_session(user=reader)
        made.append(Conversation(session.id, issue_tokens(reader).access))
    return made


def cpu_seconds_of(pid: int) -> float:
    """Return the CPU seconds of a process so far, of all its threads, to the nanosecond; Linux."""
    return time.clock_gettime((~pid << 3) | _CLOCK_OF_PROCESS)


def private_bytes_of(pid: int) -> int:
    """Return the memory that the process has for itself; Linux."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


def _command(kind: Kind, port: int) -> list[str]:
    if kind == "uvicorn":
        options = ["--port", str(port), "--no-access-log", "--log-level", "warning", "--lifespan", "off"]
        return [sys.executable, "-m", "uvicorn", "guoxue.asgi:application", *options]
    module = "guoxue.serve" if kind == "daphne" else "benchmarks.unlogged"
    return [sys.executable, "-m", module, "--port", str(port)]


def _packages_of_uvicorn() -> Path:
    python = peer_python("uvicorn", _PEERS / "uvicorn-requirements.txt")
    return next(python.parent.parent.glob("lib/python*/site-packages"))
