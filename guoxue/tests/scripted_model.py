"""A language model that says what a test tells it to, over the real OpenAI protocol on loopback."""

import json
import os
import socket
import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Say:
    """One delta of text."""

    text: str


@dataclass(frozen=True)
class Think:
    """One delta of reasoning, in DeepSeek's field or another's."""

    text: str
    field: str = "reasoning_content"


@dataclass(frozen=True)
class Pause:
    """Seconds of silence."""

    seconds: float


@dataclass(frozen=True)
class Wait:
    """Silence until the test sets the event (10 seconds at most)."""

    event: threading.Event


@dataclass(frozen=True)
class Usage:
    """The closing chunk with the tokens counted."""

    prompt: int
    completion: int
    cached: int = 0


@dataclass(frozen=True)
class Raw:
    """A line sent as it is."""

    line: str


@dataclass(frozen=True)
class Bytes:
    """Bytes sent as they are; with ``pause`` one by one, so many seconds apart."""

    data: bytes
    pause: float = 0.0


class Drop:
    """Break the connection off."""


class Reset:
    """Break the connection off with a TCP reset; as the first step before any answer."""


@dataclass(frozen=True)
class Stall:
    """As the first step: seconds of silence before any answer, not even headers."""

    seconds: float


@dataclass(frozen=True)
class Refuse:
    """Answer with an HTTP error instead of a stream."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)


Step = Say | Think | Pause | Wait | Usage | Raw | Bytes | Drop | Reset | Stall | Refuse
ANSWER = "子曰：「学而不思则罔，思而不学则殆。」（《论语·为政》[1]）"


def spoken(text: str, *, size: int = 4, pause: float = 0.0) -> list[Step]:
    """Script a whole answer in deltas of ``size`` characters, with usage at the end."""
    steps: list[Step] = []
    for start in range(0, len(text), size):
        steps.append(Say(text[start : start + size]))
        if pause:
            steps.append(Pause(pause))
    return [*steps, Usage(prompt=100, completion=len(text))]


class ScriptedModel:
    """The server; answers by ``queue``, one script each, then by ``script``; ``requests`` holds what was asked.

    ``clients`` holds the address that each request came from, ``hung_up`` whether a client left before the end.
    """

    def __init__(self) -> None:
        self.reset()
        model = self

        class Handler(_Handler):
            owner = model

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def reset(self) -> None:
        """Forget what was asked, and answer with ``ANSWER`` again."""
        self.script: Sequence[Step] = spoken(ANSWER)
        self.queue: list[Sequence[Step]] = []
        self.requests: list[dict[str, Any]] = []
        self.clients: list[object] = []
        self.hung_up = False

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: ScriptedModel

    def log_message(self, format: str, *args: Any) -> None:
        return

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.owner.requests.append(json.loads(body))
        self.owner.clients.append(self.client_address)
        script = list(self.owner.queue.pop(0) if self.owner.queue else self.owner.script)
        if script and isinstance(script[0], Refuse):
            self._refuse(script[0])
            return
        if script and isinstance(script[0], Stall):
            time.sleep(script.pop(0).seconds)
        if script and isinstance(script[0], Reset):
            self._reset()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            self._play(script)
        except OSError:
            self.owner.hung_up, self.close_connection = True, True

    def _refuse(self, step: Refuse) -> None:
        payload = json.dumps({"error": {"message": "scripted", "code": "scripted"}}).encode()
        self.send_response(step.status)
        for name, value in step.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def _play(self, script: list[Step]) -> None:
        for step in script:
            match step:
                case Say(text):
                    self._delta({"content": text})
                case Think(text, field):
                    self._delta({"content": None, field: text})
                case Pause(seconds):
                    time.sleep(seconds)
                case Wait(event):
                    event.wait(10)
                case Raw(line):
                    self._chunk(line)
                case Bytes(data, pause):
                    for start in range(0, len(data), 1 if pause else max(1, len(data))):
                        self._send(data[start : start + 1] if pause else data)
                        time.sleep(pause)
                case Reset():
                    self._reset()
                    return
                case Drop():
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                case Usage():
                    self._end(step)
        self._chunk("data: [DONE]\n\n")
        self._chunk("")

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The files of the request would keep the socket open.
        os.close(self.connection.detach())
        self.close_connection = True

    def _delta(self, delta: dict[str, Any]) -> None:
        self._event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})

    def _end(self, usage: Usage) -> None:
        self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        counted = {
            "prompt_tokens": usage.prompt,
            "completion_tokens": usage.completion,
            "total_tokens": usage.prompt + usage.completion,
            "prompt_tokens_details": {"cached_tokens": usage.cached},
        }
        self._event({"choices": [], "usage": counted})

    def _event(self, payload: dict[str, Any]) -> None:
        chunk = {
            "id": "scripted",
            "object": "chat.completion.chunk",
            "created": 0,
            "model": "scripted",
            **payload,
        }
        self._chunk(f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n")

    def _chunk(self, text: str) -> None:
        self._send(text.encode())

    def _send(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()
