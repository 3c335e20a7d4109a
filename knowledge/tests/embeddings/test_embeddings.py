import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from django.core.exceptions import ImproperlyConfigured

from knowledge import embeddings
from knowledge.bundled_model import BundledModel
from knowledge.embeddings import current_model, embedder_named, get_embedder, passage_input
from knowledge.errors import EmbeddingModelNotConfigured

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


def test_beside_the_chosen_model_the_bundled_and_the_previous_one_can_be_asked(settings):
    settings.EMBEDDING_BASE_URL, settings.EMBEDDING_MODEL = "http://127.0.0.1:9/v1", "new-model"
    settings.EMBEDDING_PREVIOUS_BASE_URL = "http://127.0.0.1:8/v1"
    settings.EMBEDDING_PREVIOUS_MODEL, settings.EMBEDDING_PREVIOUS_DIMENSIONS = "old-model", 1024

    named = [embedder_named(name) for name in ("new-model", "multilingual-e5-small-int8", "old-model")]

    assert [embedder.name for embedder in named] == ["new-model", "multilingual-e5-small-int8", "old-model"]
    assert [embedder.dimensions for embedder in named] == [384, 384, 1024]
    assert embedder_named("old-model") is named[2]
    assert get_embedder() is named[0]


@pytest.mark.parametrize("previous", ["", "http://127.0.0.1:8/v1"])
def test_a_model_of_which_the_settings_say_nothing_cannot_be_asked(settings, previous: str):
    settings.EMBEDDING_PREVIOUS_BASE_URL, settings.EMBEDDING_PREVIOUS_MODEL = previous, "old-model"

    with pytest.raises(EmbeddingModelNotConfigured, match=r"older-model.*EMBEDDING_PREVIOUS"):
        embedder_named("older-model")


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
