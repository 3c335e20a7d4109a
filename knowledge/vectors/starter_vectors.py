"""Decides where the vectors of the starter corpus are kept, so that a first run embeds none of its texts.

The key of a vector is the SHA-256, in hexadecimal, of exactly what was embedded: of ``passage_input(...)``.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

STARTER_VECTORS = Path(__file__).resolve().parents[1] / "starter" / "vectors.npz"

_KEY_BYTES = hashlib.sha256().digest_size


def load_starter_vectors(model: str, *, path: Path = STARTER_VECTORS) -> dict[str, NDArray[np.float16]]:
    """Return the vectors by key; none if the file is not there or was made by another model."""
    if not path.is_file():
        return {}
    with np.load(path) as archive:
        if str(archive["model"]) != model:
            return {}
        keys, vectors = archive["keys"], archive["vectors"]
    return {key.tobytes().hex(): vector for key, vector in zip(keys, vectors, strict=True)}


def save_starter_vectors(
    vectors: Mapping[str, NDArray[np.floating]], *, model: str, path: Path = STARTER_VECTORS
) -> None:
    """Write the vectors as float16, ordered by key; the same vectors give the same bytes."""
    ordered = sorted(vectors)
    keys = np.frombuffer(bytes.fromhex("".join(ordered)), np.uint8).reshape(-1, _KEY_BYTES)
    rows = np.array([vectors[key] for key in ordered], np.float16)
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        np.savez(file, model=np.array(model), keys=keys, vectors=rows)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
