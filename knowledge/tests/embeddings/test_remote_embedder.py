import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from knowledge import breaker, embeddings
from knowledge.embeddings import Endpoint, RemoteEmbedder, get_embedder
from knowledge.embeddings import remote as remote_module
from knowledge.errors import (
    EmbeddingDimensionsMismatch,
    EmbeddingServiceFailed,
    EmbeddingServiceRefused,
    EmbeddingUnavailable,
)

Answer = tuple[int, object]
Scripted = Callable[[list[str]], Answer]


class ScriptedEmbeddings:
    """An OpenAI-compatible embeddings server: it gives the scripted answers first, then honest vectors."""

    def __init__(self, dimensions: int) -> None:
        self.dimensions = dimensions
        self.script: list[Scripted] = []
        self.requests: list[dict] = []
        self.authorizations: list[str | None] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.requests.append({"path": self.path, **request})
                outer.authorizations.append(self.headers["Authorization"])
                answer = outer.script.pop(0) if outer.script else outer.answer_honestly
                status, body = answer(request["input"])
                content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
                content_type = "text/html" if isinstance(body, str) else "application/json"
                with suppress(ConnectionError):
                    self.send(status, content, content_type)

            def send(self, status: int, content: bytes, content_type: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(content)))
                self.send_header("retry-after-ms", "1")
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.base_url = f"http://127.0.0.1:{self._server.server_port}/v1"

    def vector(self, text: str, dimensions: int | None = None) -> list[float]:
        """A vector of the text's own, not of length 1."""
        return [float(len(text) + place) for place in range(dimensions or self.dimensions)]

    def answer(self, vectors: list[list[float]], *, status: int = 200) -> Answer:
        """The vectors, last one first: their order in the answer means nothing."""
        data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return status, {"object": "list", "model": "scripted", "data": data[::-1], "usage": usage}

    def answer_honestly(self, texts: list[str]) -> Answer:
        return self.answer([self.vector(text) for text in texts])

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[ScriptedEmbeddings]:
    server = ScriptedEmbeddings(dimensions=8)
    yield server
    server.close()


@pytest.fixture
def remote(server: ScriptedEmbeddings, settings) -> embeddings.Embedder:
    settings.EMBEDDING_BASE_URL = server.base_url
    settings.EMBEDDING_API_KEY = "secret-of-the-test"
    settings.EMBEDDING_MODEL = "scripted"
    settings.EMBEDDING_DIMENSIONS = 8
    return get_embedder()


def normalised(vectors: list[list[float]]) -> np.ndarray:
    rows = np.array(vectors, np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def refuse(status: int) -> Scripted:
    return lambda texts: (status, {"error": {"message": "scripted", "type": "scripted", "code": None}})


def test_remote_passages_go_in_batches_and_come_back_normalised_in_their_order(remote, server):
    texts = ["道" * (index % 7 + 1) for index in range(23)]

    vectors = remote.embed_passages(texts)

    assert np.allclose(vectors, normalised([server.vector(text) for text in texts]))
    assert vectors.dtype == np.float32
    sent = [request["input"] for request in server.requests]
    assert sorted(sent) == sorted([texts[:10], texts[10:20], texts[20:]])
    assert {request["path"] for request in server.requests} == {"/v1/embeddings"}
    assert {request["model"] for request in server.requests} == {"scripted"}
    assert set(server.authorizations) == {"Bearer secret-of-the-test"}


def test_the_settings_say_how_many_texts_go_at_once(remote, server, settings):
    settings.EMBEDDING_BATCH_SIZE = 4

    get_embedder().embed_passages(["道"] * 9)

    assert sorted(len(request["input"]) for request in server.requests) == [1, 4, 4]


def test_no_more_requests_are_under_way_than_the_settings_allow(remote, server, settings):
    settings.EMBEDDING_BATCH_SIZE, settings.EMBEDDING_PARALLEL_REQUESTS = 1, 3
    under_way, most, lock = [0], [0], threading.Lock()
    three = threading.Barrier(3)

    def answer_together(texts: list[str]) -> Answer:
        with lock:
            under_way[0] += 1
            most[0] = max(most[0], under_way[0])
        three.wait(10)
        with lock:
            under_way[0] -= 1
        return server.answer_honestly(texts)

    server.script = [answer_together] * 9
    vectors = get_embedder().embed_passages(["道"] * 9)

    assert vectors.shape == (9, 8)
    assert most[0] == 3


def test_after_a_refusal_no_further_batch_is_sent(remote, server, settings):
    settings.EMBEDDING_BATCH_SIZE, settings.EMBEDDING_PARALLEL_REQUESTS = 1, 2
    server.script = [refuse(401)] * 50

    with pytest.raises(EmbeddingServiceRefused):
        get_embedder().embed_passages(["道"] * 50)

    assert len(server.requests) < 10


def test_a_remote_query_is_sent_folded_and_without_a_prefix(remote, server):
    vector = remote.embed_query("學而時習之")

    assert [request["input"] for request in server.requests] == [["学而时习之"]]
    assert np.allclose(vector, normalised([server.vector("学而时习之")])[0])


def test_no_remote_passages_ask_for_nothing(remote, server):
    assert remote.embed_passages([]).shape == (0, 8)
    assert server.requests == []


def test_a_server_without_keys_can_be_used(server, settings, remote):
    settings.EMBEDDING_API_KEY = ""

    assert get_embedder().embed_query("道").shape == (8,)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_failure_that_passes_is_tried_again_for_passages(remote, server, status: int):
    server.script = [refuse(status)]

    vectors = remote.embed_passages(["道"])

    assert vectors.shape == (1, 8)
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_failure_is_not_tried_again_for_a_query_and_reported_as_passing(remote, server, status: int):
    server.script = [refuse(status)]

    with pytest.raises(EmbeddingServiceFailed) as failure:
        remote.embed_query("道")

    assert failure.value.retryable
    assert len(server.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_refusal_is_not_tried_again_and_names_the_settings(remote, server, status: int):
    server.script = [refuse(status)]

    with pytest.raises(EmbeddingServiceRefused, match="EMBEDDING_API_KEY") as refusal:
        remote.embed_passages(["道", "德"])

    assert not refusal.value.retryable
    assert len(server.requests) == 1


def test_vectors_of_another_length_are_refused_with_both_lengths(remote, server):
    server.script = [lambda texts: server.answer([server.vector(text, 6) for text in texts])]

    with pytest.raises(EmbeddingDimensionsMismatch, match=r"6 维.*EMBEDDING_DIMENSIONS=8"):
        remote.embed_passages(["道", "德"])


MALFORMED = {
    "a page instead of JSON": lambda texts: (200, "<html>登录</html>"),
    "no data": lambda texts: (200, {"object": "list"}),
    "data that are no list": lambda texts: (200, {"data": 7}),
    "one vector too few": lambda texts: (200, {"data": [{"index": 0, "embedding": [1.0] * 8}]}),
    "vectors of different lengths": lambda texts: (
        200,
        {"data": [{"index": 0, "embedding": [1.0] * 8}, {"index": 1, "embedding": [1.0] * 7}]},
    ),
    "words instead of numbers": lambda texts: (
        200,
        {"data": [{"index": i, "embedding": ["a"] * 8} for i in range(2)]},
    ),
    "a vector of zeros": lambda texts: (
        200,
        {"data": [{"index": i, "embedding": [0.0] * 8} for i in range(2)]},
    ),
    "not a number": lambda texts: (
        200,
        {"data": [{"index": i, "embedding": [float("nan")] * 8} for i in range(2)]},
    ),
}


@pytest.mark.parametrize("answer", MALFORMED.values(), ids=MALFORMED.keys())
def test_an_answer_that_is_not_vectors_is_a_failure_of_the_service(remote, server, answer):
    server.script = [answer]

    with pytest.raises(EmbeddingServiceFailed):
        remote.embed_passages(["道", "德"])


def test_a_server_that_is_not_there_is_a_failure_of_the_service(server):
    server.close()
    remote = RemoteEmbedder(Endpoint(server.base_url, "", "scripted", 8))

    with pytest.raises(EmbeddingServiceFailed) as failure:
        remote.embed_query("道")

    assert isinstance(failure.value, EmbeddingUnavailable)


def test_a_server_that_keeps_silent_is_a_failure_of_the_service(server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(remote_module, "QUERY_TIMEOUT_SECONDS", 0.05)
    released = threading.Event()
    server.script = [lambda texts: (released.wait(10), server.answer_honestly(texts))[1]]
    remote = RemoteEmbedder(Endpoint(server.base_url, "", "scripted", 8))

    with pytest.raises(EmbeddingServiceFailed):
        remote.embed_query("道")

    released.set()
    assert len(server.requests) == 1


class Clock:
    """The time that the circuit breaker sees."""

    seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(breaker, "monotonic", clock)
    return clock


def fail_queries(remote: embeddings.Embedder, times: int) -> None:
    for _ in range(times):
        with pytest.raises(EmbeddingServiceFailed):
            remote.embed_query("道")


def test_after_three_failures_in_a_row_queries_are_not_sent_for_half_a_minute(remote, server, clock: Clock):
    server.script = [refuse(500)] * 3
    fail_queries(remote, 3)

    clock.seconds += 29.9
    fail_queries(remote, 5)

    assert len(server.requests) == 3


def test_failures_that_are_not_in_a_row_pause_nothing(remote, server, clock: Clock):
    server.script = [refuse(500), refuse(500), server.answer_honestly, refuse(500), refuse(500)]
    fail_queries(remote, 2)
    remote.embed_query("道")
    fail_queries(remote, 2)

    assert remote.embed_query("道").shape == (8,)


def test_a_refusal_pauses_nothing_and_goes_on_naming_the_settings(remote, server, clock: Clock):
    server.script = [refuse(401)] * 5

    for _ in range(5):
        with pytest.raises(EmbeddingServiceRefused):
            remote.embed_query("道")

    assert len(server.requests) == 5


def test_passages_are_sent_while_queries_pause(remote, server, clock: Clock):
    server.script = [refuse(500)] * 3
    fail_queries(remote, 3)

    assert remote.embed_passages(["道"]).shape == (1, 8)


def test_after_the_pause_one_query_that_succeeds_ends_it(remote, server, clock: Clock):
    server.script = [refuse(500)] * 3
    fail_queries(remote, 3)

    clock.seconds += 30
    shapes = [remote.embed_query("道").shape for _ in range(3)]

    assert shapes == [(8,)] * 3
    assert len(server.requests) == 6


def test_after_the_pause_one_query_that_fails_begins_another(remote, server, clock: Clock):
    server.script = [refuse(500)] * 4
    fail_queries(remote, 3)

    clock.seconds += 30
    fail_queries(remote, 4)

    assert len(server.requests) == 4


def test_after_the_pause_one_of_many_threads_tries_while_the_others_are_told_at_once(
    remote, server, clock: Clock
):
    server.script = [refuse(500)] * 3
    fail_queries(remote, 3)
    clock.seconds += 30
    others_are_done = threading.Event()
    server.script = [lambda texts: (others_are_done.wait(2), server.answer_honestly(texts))[1]]
    barrier, refused = threading.Barrier(8), []

    def query(_: int) -> bool:
        barrier.wait(10)
        try:
            return remote.embed_query("道").shape == (8,)
        except EmbeddingServiceFailed:
            refused.append(1)
            if len(refused) == 7:
                others_are_done.set()
            return False

    with ThreadPoolExecutor(8) as threads:
        succeeded = list(threads.map(query, range(8)))

    assert sum(succeeded) == 1
    assert others_are_done.is_set()
    assert len(server.requests) == 4
