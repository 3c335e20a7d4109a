"""WeChat's server as a test scripts it: token and text check over real HTTP on loopback, with its rules and faults."""

import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

APP_ID, APP_SECRET, OPENID = "wx-scripted", "scripted-secret", "openid-of-a-reader"
RISKY_MARK, REVIEW_MARK = "〔risky〕", "〔review〕"


@dataclass(frozen=True)
class Answer:
    """An answer out of turn: what a ``fault`` makes the server say once."""

    body: dict[str, Any] | str
    status: int = 200
    after_seconds: float = 0.0


class ScriptedWeChat:
    """The server; ``checks`` holds the bodies it judged, as raw bytes, ``token_calls`` how often a token was asked for.

    A text with a mark is risky or for review. ``faults`` are answered first, one for each check.
    """

    def __init__(self) -> None:
        self.reset()
        wechat = self

        class Handler(_Handler):
            owner = wechat

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def reset(self) -> None:
        """Forget what was asked, take the first token again, and fail at nothing."""
        self.lock = threading.Lock()
        self.token_number = 1
        self.token_calls: list[dict[str, Any]] = []
        self.token_seconds = 0.0
        self.token_fault: Answer | None = None
        self.checks: list[bytes] = []
        self.check_queries: list[dict[str, list[str]]] = []
        self.faults: list[Answer] = []
        self.checks_left = 1_000_000
        self.active_openids = {OPENID}

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def token(self) -> str:
        return f"token-{self.token_number}"

    def rotate(self) -> None:
        """Make the token that was given out worthless, as when somebody forces a new one."""
        self.token_number += 1

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer_token(self, body: dict[str, Any]) -> Answer:
        with self.lock:
            self.token_calls.append(body)
        if self.token_fault is not None:
            return self.token_fault
        if body.get("appid") != APP_ID:
            return _refusal(40013, "invalid appid")
        if body.get("secret") != APP_SECRET:
            return _refusal(40125, "invalid appsecret")
        granted = {"access_token": self.token, "expires_in": 7200}
        return Answer(granted, after_seconds=self.token_seconds)

    def answer_check(self, raw: bytes, query: dict[str, list[str]]) -> Answer:
        body = json.loads(raw)
        with self.lock:
            self.check_queries.append(query)
            if query.get("access_token") != [self.token]:
                return _refusal(40001, "invalid credential, access_token is invalid or not latest")
            if self.faults:
                return self.faults.pop(0)
            if self.checks_left <= 0:
                return _refusal(45009, "reach max api daily quota limit")
            self.checks_left -= 1
            self.checks.append(raw)
        if body["openid"] not in self.active_openids:
            return _refusal(61010, "code is expired")
        if len(body["content"]) > 2500 or body["version"] != 2 or body["scene"] not in (1, 2, 3, 4):
            return _refusal(40129, "argument invalid")
        return Answer(judged(body["content"], number=len(self.checks)))


def judged(content: str, *, number: int = 1) -> dict[str, Any]:
    """What WeChat says of a text: by the marks that it holds."""
    suggest, label = "pass", 100
    if REVIEW_MARK in content:
        suggest, label = "review", 20012
    if RISKY_MARK in content:
        suggest, label = "risky", 20006
    return {
        "errcode": 0,
        "errmsg": "ok",
        "trace_id": f"trace-{number}",
        "result": {"suggest": suggest, "label": label},
        "detail": [{"strategy": "content_model", "errcode": 0, "suggest": suggest, "label": label}],
    }


def _refusal(code: int, message: str) -> Answer:
    return Answer({"errcode": code, "errmsg": message})


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: ScriptedWeChat

    def log_message(self, format: str, *args: Any) -> None:
        return

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        address = urlsplit(self.path)
        if address.path == "/cgi-bin/stable_token":
            answer = self.owner.answer_token(json.loads(raw))
        elif address.path == "/wxa/msg_sec_check":
            answer = self.owner.answer_check(raw, parse_qs(address.query))
        else:
            answer = Answer("no such address", 404)
        time.sleep(answer.after_seconds)
        text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body, ensure_ascii=False)
        with suppress(OSError):  # the client may have hung up
            self._send(answer.status, text.encode())

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
