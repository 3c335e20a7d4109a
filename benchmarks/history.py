"""Decides whether a history of 20 messages costs no more CPU than FastAPI with SQLAlchemy gives equal JSON for.

``python -m benchmarks.history [--pairs N] [--requests N]``; Linux. Ours is served by gunicorn (one process, threads),
the peer by uvicorn (one process, uvloop, httptools). Counted is the time of the web processes in user and kernel
mode, not that of PostgreSQL.
"""

import http.client
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.database import SECRET_KEY, own_database
from benchmarks.environments import peer_python
from benchmarks.reporting import Row, argument_parser, print_machine, print_rows
from benchmarks.servers import free_port

_DATABASE = "guoxue_bench_history"
_PEERS = Path(__file__).with_name("peers")
_TICKS = os.sysconf("SC_CLK_TCK")
_TURNS = 10


class Server:
    """A web server in a process of its own, its children included."""

    def __init__(self, command: Sequence[str], **environment: str) -> None:
        self._port = free_port()
        told = [part.format(port=self._port) for part in command]
        self._process = subprocess.Popen(told, env={**os.environ, **environment})
        self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)

    def wait(self, path: str) -> None:
        """Wait until it answers, whatever it answers."""
        for _ in range(150):
            try:
                self.get(path, "")
                return
            except OSError:
                self._connection.close()
                time.sleep(0.2)
        raise SystemExit("A server has not come up; see above.")

    def get(self, path: str, token: str) -> bytes:
        """Return the body of an answer; the connection is kept."""
        headers = {"Authorization": f"Bearer {token}", "X-Forwarded-Proto": "https"}
        self._connection.request("GET", path, headers=headers)
        return self._connection.getresponse().read()

    def cpu_seconds(self, path: str, token: str, requests: int) -> float:
        """Return the CPU time that the server takes for so many requests, one after the other."""
        before = self._spent()
        for _ in range(requests):
            self.get(path, token)
        return self._spent() - before

    def close(self) -> None:
        """End it."""
        self._connection.close()
        self._process.terminate()
        self._process.wait(timeout=30)

    def _spent(self) -> float:
        return sum(_ticks(pid) for pid in [self._process.pid, *_children(self._process.pid)]) / _TICKS


def main() -> int:
    """Serve the same session by both, compare what they say, ask them in turns; return 1 if the bar is missed."""
    parser = argument_parser(__doc__)
    parser.add_argument("--pairs", type=int, default=7, metavar="N")
    parser.add_argument("--requests", type=int, default=400, metavar="N", help="in each half of a pair")
    options = parser.parse_args()
    python = peer_python("history", _PEERS / "history-requirements.txt")
    with own_database(_DATABASE):
        path, token = _fill()
        return _measure(python, path, token, options.pairs, options.requests)


def _measure(python: Path, path: str, token: str, pairs: int, requests: int) -> int:
    ours, peer = _our_server(), _peer_server(python)
    try:
        for server in (ours, peer):
            server.wait(path)
        _assert_equal(ours.get(path, token), peer.get(path, token))
        for server in (ours, peer):
            server.cpu_seconds(path, token, 50)
        print_machine()
        costs = [
            (ours.cpu_seconds(path, token, requests), peer.cpu_seconds(path, token, requests))
            for _ in range(pairs)
        ]
    finally:
        ours.close()
        peer.close()
    our_ms, peer_ms = (statistics.median(side) / requests * 1000 for side in zip(*costs, strict=True))
    ratios = sorted(mine / theirs for mine, theirs in costs)
    print("ratios of the pairs: " + ", ".join(f"{ratio:.2f}" for ratio in ratios))
    row = Row("CPU ms of a request", round(peer_ms, 3), our_ms, peer_ms, is_ceiling=True)
    return (
        0
        if print_rows(f"history of {2 * _TURNS} messages, {pairs} pairs × {requests} requests", [row])
        else 1
    )


def _our_server() -> Server:
    gunicorn = ["-m", "gunicorn", "guoxue.wsgi", "--bind", "127.0.0.1:{port}", "--workers", "1"]
    threads = ["--worker-class", "gthread", "--threads", "4", "--keep-alive", "30", "--log-level", "warning"]
    environment = {"DEBUG": "false", "LOG_LEVEL": "ERROR", "TRIAL_HMAC_KEY": SECRET_KEY}
    return Server([sys.executable, *gunicorn, *threads], **environment)


def _peer_server(python: Path) -> Server:
    uvicorn = ["-m", "uvicorn", "history:app", "--app-dir", str(_PEERS), "--port", "{port}"]
    plain = ["--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"]
    return Server([str(python), *uvicorn, *plain])


def _fill() -> tuple[str, str]:
    """Make a reader with one conversation such as readers have; return its path, and the reader's token."""
    from accounts.models import User
    from accounts.tokens import issue_tokens
    from chat.models import Feedback, Message
    from chat.services.sessions import create_session

    reader = User.objects.create_user("reader@example.com", "shan-gao-shui-chang-1024")
    session = create_session(user=reader)
    reply = None
    for turn in range(_TURNS):
        question = Message.objects.create(
            session=session, author="reader", status="completed", text=f"第{turn}问：何谓学？", parent=reply
        )
        # The fifth reply has been regenerated twice.
        for _version in range(3 if turn == 4 else 1):
            reply = Message.objects.create(
                session=session, reply_to=question, role=session.role, **_reply(turn)
            )
        if turn % 4 == 0 and reply:
            Feedback.objects.create(message=reply, value="down", reasons=["wrong_quote"], comment="卷数不对")
    session.leaf = reply
    session.save()
    return f"/api/v1/sessions/{session.id}/messages", issue_tokens(reader).access


def _reply(turn: int) -> dict[str, Any]:
    """Return the columns of a reply of the usual size: 600 characters, six sources, three quotations."""
    from django.utils import timezone

    text = f"「学而时习之，不亦说乎」出自《论语·学而》[1]。（{turn}）" * 20
    source = {"passage_id": 17, "work": "论语", "section": "学而", "citation": "《论语·学而》"}
    quote = {"verdict": "exact", "start": 0, "end": 11, "citation": "《论语·学而》", "differences": []}
    return {
        "author": "assistant",
        "status": "completed",
        "text": text,
        "html": "".join(f"<p>{text[place : place + 60]}</p>" for place in range(0, len(text), 60)),
        "model": "deepseek-chat",
        "sources": [
            {"n": n, **source, "text": "子曰学而时习之不亦说乎" * 9, "score": 0.5 + n / 64} for n in range(6)
        ],
        "quotes": [{**quote, "quote": "学而时习之", "source_text": "子曰：「学而时习之。」"}] * 3,
        "suggestions": ["何谓习？", "此章何解？", "与《大学》有何关系？"],
        "input_tokens": 2300,
        "output_tokens": 410,
        "cost_micros": 7_300,
        "finished_at": timezone.now(),
    }


def _assert_equal(ours: bytes, theirs: bytes) -> None:
    mine, other = json.loads(ours), json.loads(theirs)
    if mine != other or len(mine["results"]) != 2 * _TURNS:
        raise SystemExit(f"The two do not say the same:\n{mine}\n{other}"[:4000])


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _ticks(pid: int) -> int:
    """Return the user and kernel time of a process in clock ticks, see proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


if __name__ == "__main__":
    sys.exit(main())
