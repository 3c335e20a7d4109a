"""Decides how the model that comes with the program is asked: its prefixes, and when it is loaded."""

import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.bundled_model import DIMENSIONS, BundledModel
from knowledge.folding import fold_characters

BUNDLED_MODEL = "multilingual-e5-small-int8"


class BundledEmbedder:
    """The model that comes with the program; it is loaded by the first text (about a second)."""

    def __init__(self, *, cache_dir: Path, threads: int) -> None:
        self.name = BUNDLED_MODEL
        self.dimensions = DIMENSIONS
        self._cache_dir = cache_dir
        self._threads = threads
        self._lock = threading.Lock()
        self._model: BundledModel | None = None

    def embed_passages(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return self._loaded().embed([f"passage: {text}" for text in texts])

    def embed_query(self, text: str) -> NDArray[np.float32]:
        vector: NDArray[np.float32] = self._loaded().embed([f"query: {fold_characters(text)}"])[0]
        return vector

    def _loaded(self) -> BundledModel:
        with self._lock:
            if self._model is None:
                self._model = BundledModel.open(self._cache_dir, threads=self._threads)
            return self._model
