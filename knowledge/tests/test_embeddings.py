import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from django.core.exceptions import ImproperlyConfigured

from knowledge import embeddings
from knowledge.bundled_model import BundledModel
from knowledge.embeddings import (
    EmbeddingDimensionsMismatch,
    EmbeddingServiceFailed,
    EmbeddingServiceRefused,
    RemoteEmbedder,
    current_model,
    get_embedder,
    passage_input,
)
from knowledge.errors import EmbeddingUnavailable

LUNYU = passage_input(
    work="论语", section="学而", text="子曰：“学而时习之，不亦说乎？有朋自远方来，不亦乐乎？”"
)
SUNZI = passage_input(work="孙子兵法", section="谋攻", text="知彼知己，百战不殆；不知彼而知己，一胜一负。")
SHIJING = passage_input(work="诗经", section="关雎", text="关关雎鸠，在河之洲。窈窕淑女，君子好逑。")


@pytest.fixture
def bundled(settings, bundled_model: BundledModel, monkeypatch: pytest.MonkeyPatch) -> embeddings.Embedder:
    settings.EMBEDDING_BASE_URL = ""
    monkeypatch.setattr(BundledModel, "open", lambda cache_dir, threads: bundled_model)
    embeddings._forget_embedders()
    return get_embedder()


def test_what_is_embedded_of_a_passage_is_work_section_and_text_folded():
    given = passage_input(work="論語", section="學而", text="子曰：「學而時習之，不亦說乎？」")

    assert given == passage_input(work="论语", section="学而", text="子曰：「学而时习之，不亦说乎？」")
    assert given.startswith("论语 学而 子曰")


def test_a_passage_without_a_section_has_no_gap():
    assert passage_input(work="千字文", section="", text="天地玄黄") == "千字文 天地玄黄"


@pytest.mark.parametrize(
    ("query", "nearest"),
    [("孔子怎样谈学习和朋友？", 0), ("打仗为什么要了解敌人？", 1), ("描写爱慕美丽女子的诗", 2)],
)
def test_a_question_is_nearest_to_the_passage_that_answers_it(bundled, query: str, nearest: int):
    passages = bundled.embed_passages([LUNYU, SUNZI, SHIJING])

    similarities = passages @ bundled.embed_query(query)

    assert passages.shape == (3, bundled.dimensions) == (3, 384)
    assert similarities.argmax() == nearest


def test_passages_and_queries_carry_the_prefixes_of_e5(bundled, bundled_model: BundledModel):
    expected = bundled_model.embed([f"passage: {SUNZI}", "query: 知彼知己"])

    vectors = np.stack([bundled.embed_passages([SUNZI])[0], bundled.embed_query("知彼知己")])

    assert np.abs(vectors - expected).max() < 1e-5


def test_a_traditional_query_has_the_vector_of_the_simplified_one(bundled):
    assert np.array_equal(bundled.embed_query("學而時習之"), bundled.embed_query("学而时习之"))


def test_threads_get_one_embedder_and_the_model_is_loaded_once_and_only_when_needed(
    settings, bundled_model: BundledModel, monkeypatch: pytest.MonkeyPatch
):
    settings.EMBEDDING_BASE_URL = ""
    embeddings._forget_embedders()
    loads: list[int] = []

    def load_slowly(cache_dir, threads: int) -> BundledModel:
        loads.append(threads)
        time.sleep(0.1)
        return bundled_model

    monkeypatch.setattr(BundledModel, "open", load_slowly)
    with ThreadPoolExecutor(8) as threads:
        embedders = set(threads.map(lambda _: get_embedder(), range(8)))
        loads_before_use = list(loads)
        list(threads.map(lambda _: get_embedder().embed_query("知彼知己"), range(8)))

    assert len(embedders) == 1
    assert loads_before_use == []
    assert loads == [settings.EMBEDDING_THREADS]


def test_the_name_of_the_model_is_that_of_its_embedder(settings):
    settings.EMBEDDING_BASE_URL = ""
    bundled_name = (current_model(), get_embedder().name)

    settings.EMBEDDING_BASE_URL, settings.EMBEDDING_MODEL = "http://127.0.0.1:9/v1", "bge-m3"
    remote_name = (current_model(), get_embedder().name)

    assert bundled_name == ("multilingual-e5-small-int8", "multilingual-e5-small-int8")
    assert remote_name == ("bge-m3", "bge-m3")


def test_a_server_without_a_model_name_is_a_wrong_configuration(settings):
    settings.EMBEDDING_BASE_URL, settings.EMBEDDING_MODEL = "http://127.0.0.1:9/v1", ""

    with pytest.raises(ImproperlyConfigured, match="EMBEDDING_MODEL"):
        get_embedder()


def test_a_forked_child_loads_a_model_of_its_own(bundled, monkeypatch: pytest.MonkeyPatch):
    expected = bundled.embed_query("知彼知己")
    monkeypatch.undo()

    child = os.fork()
    if child == 0:
        signal.alarm(60)
        vector = get_embedder().embed_query("知彼知己")
        os._exit(0 if get_embedder() is not bundled and np.allclose(vector, expected, atol=1e-5) else 1)

    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0


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
    assert [request["input"] for request in server.requests] == [texts[:10], texts[10:20], texts[20:]]
    assert {request["path"] for request in server.requests} == {"/v1/embeddings"}
    assert {request["model"] for request in server.requests} == {"scripted"}
    assert set(server.authorizations) == {"Bearer secret-of-the-test"}


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
def test_a_failure_that_passes_is_tried_again(remote, server, status: int):
    server.script = [refuse(status)]

    vector = remote.embed_query("道")

    assert vector.shape == (8,)
    assert len(server.requests) == 2


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_failure_that_stays_is_reported_as_passing(remote, server, status: int):
    server.script = [refuse(status)] * 10

    with pytest.raises(EmbeddingServiceFailed) as failure:
        remote.embed_query("道")

    assert failure.value.retryable
    assert len(server.requests) == 1 + embeddings.QUERY_RETRIES


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
    remote = RemoteEmbedder(base_url=server.base_url, api_key="", model="scripted", dimensions=8)

    with pytest.raises(EmbeddingServiceFailed) as failure:
        remote.embed_query("道")

    assert isinstance(failure.value, EmbeddingUnavailable)


def test_a_server_that_keeps_silent_is_a_failure_of_the_service(server, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(embeddings, "QUERY_TIMEOUT_SECONDS", 0.05)
    released = threading.Event()
    server.script = [lambda texts: (released.wait(10), server.answer_honestly(texts))[1]] * 2
    remote = RemoteEmbedder(base_url=server.base_url, api_key="", model="scripted", dimensions=8)

    with pytest.raises(EmbeddingServiceFailed):
        remote.embed_query("道")

    released.set()
    assert len(server.requests) == 2
