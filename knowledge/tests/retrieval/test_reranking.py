"""A reranker puts passages in order where one is configured; where it fails, the order stays."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from knowledge import breaker
from knowledge.errors import RerankerRefused, RerankerUnavailable
from knowledge.retrieval import reranking
from knowledge.retrieval.reranking import get_reranker, rerank

TEXTS = ["知彼知己，百战不殆。", "学而时习之。", "上善若水。"]
Scripted = Callable[[dict], tuple[int, object]]


class ScriptedReranker:
    """A server of the shape of Jina's: it scores texts by their length, best first, unless a script says otherwise."""

    def __init__(self) -> None:
        self.script: list[Scripted] = []
        self.requests: list[dict] = []
        self.headers: list[dict[str, str]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests.append({"path": self.path, **request})
                outer.headers.append(dict(self.headers))
                status, body = (outer.script.pop(0) if outer.script else by_length)(request)
                content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                with suppress(ConnectionError):
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.base_url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def by_length(request: dict) -> tuple[int, object]:
    rows = [{"index": i, "relevance_score": len(text) / 100} for i, text in enumerate(request["documents"])]
    rows.sort(key=lambda row: -row["relevance_score"])
    return 200, {"model": request["model"], "results": rows[: request["top_n"]]}


def refuse(status: int) -> Scripted:
    return lambda request: (status, {"detail": "scripted"})


@pytest.fixture
def server(settings) -> Iterator[ScriptedReranker]:
    server = ScriptedReranker()
    settings.RERANKER_BASE_URL = f"{server.base_url}/"
    settings.RERANKER_API_KEY = "secret-of-the-test"
    settings.RERANKER_MODEL = "scripted-reranker"
    reranking._forget_reranker()
    yield server
    server.close()
    reranking._forget_reranker()


def test_texts_are_scored_in_their_order_whatever_order_the_answer_has(server: ScriptedReranker) -> None:
    scores = rerank("怎样打胜仗？", TEXTS)

    assert scores == [0.10, 0.06, 0.05]
    assert server.requests == [
        {
            "path": "/v1/rerank",
            "model": "scripted-reranker",
            "query": "怎样打胜仗？",
            "documents": TEXTS,
            "top_n": 3,
        }
    ]
    assert server.headers[0]["Authorization"] == "Bearer secret-of-the-test"


def test_a_server_without_keys_is_asked_without_one(server: ScriptedReranker, settings) -> None:
    settings.RERANKER_API_KEY = ""

    assert rerank("水", TEXTS) is not None
    assert "Authorization" not in server.headers[0]


def test_without_a_server_nothing_is_reranked(settings) -> None:
    settings.RERANKER_BASE_URL = ""

    assert get_reranker() is None
    assert rerank("水", TEXTS) is None


def test_no_texts_are_not_sent(server: ScriptedReranker) -> None:
    assert rerank("水", []) is None
    assert server.requests == []


BROKEN = {
    "overloaded": refuse(503),
    "rate limit": refuse(429),
    "wrong key": refuse(401),
    "unknown model": refuse(404),
    "a page instead of JSON": lambda request: (200, "<html>登录</html>"),
    "no results": lambda request: (200, {"data": []}),
    "one text too few": lambda request: (200, {"results": by_length(request)[1]["results"][:2]}),
    "a text twice": lambda request: (200, {"results": [by_length(request)[1]["results"][0]] * 3}),
    "an index beyond": lambda request: (
        200,
        {"results": [{"index": i + 1, "relevance_score": 1} for i in range(3)]},
    ),
    "not a number": lambda request: (
        200,
        '{"results": [{"index": 0, "relevance_score": NaN}, {"index": 1, "relevance_score": 1}, '
        '{"index": 2, "relevance_score": 1}]}',
    ),
    "words": lambda request: (200, {"results": [{"index": i, "relevance_score": "高"} for i in range(3)]}),
}


@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_scores_leaves_the_order_and_is_logged(
    server: ScriptedReranker, answer: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    server.script = [answer]

    assert rerank("水", TEXTS) is None

    assert len(server.requests) == 1
    assert "Not reranked" in caplog.text
    assert "secret-of-the-test" not in caplog.text


def test_a_server_that_keeps_silent_is_not_waited_for(server: ScriptedReranker, settings) -> None:
    settings.RERANKER_TIMEOUT_SECONDS = 0.05
    released = threading.Event()
    server.script = [lambda request: (released.wait(10), by_length(request))[1]]

    assert rerank("水", TEXTS) is None

    released.set()


def test_a_refusal_names_the_settings(server: ScriptedReranker) -> None:
    server.script = [refuse(401)]

    with pytest.raises(RerankerRefused, match="RERANKER_API_KEY"):
        get_reranker().score("水", TEXTS)


def test_after_three_failures_in_a_row_the_server_is_left_alone_for_half_a_minute(
    server: ScriptedReranker, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000.0]
    monkeypatch.setattr(breaker, "monotonic", lambda: now[0])
    server.script = [refuse(503)] * 3
    for _ in range(3):
        rerank("水", TEXTS)

    during = rerank("水", TEXTS)
    now[0] += 30
    afterwards = rerank("水", TEXTS)

    assert during is None
    assert afterwards == [0.10, 0.06, 0.05]
    assert len(server.requests) == 4


def test_refusals_pause_nothing(server: ScriptedReranker, monkeypatch: pytest.MonkeyPatch) -> None:
    server.script = [refuse(401)] * 5

    for _ in range(5):
        with pytest.raises(RerankerUnavailable):
            get_reranker().score("水", TEXTS)

    assert len(server.requests) == 5
