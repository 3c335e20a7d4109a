import hashlib
from pathlib import Path

import numpy as np
import pytest

from knowledge.embeddings import passage_input
from knowledge.vectors.starter_vectors import load_starter_vectors, save_starter_vectors

MODEL = "multilingual-e5-small-int8"


def make_vectors() -> dict[str, np.ndarray]:
    texts = [
        passage_input(work="道德经", section=f"第{number}章", text="道可道，非常道。") for number in "一二三"
    ]
    numbers = np.random.default_rng(1)
    return {
        hashlib.sha256(text.encode()).hexdigest(): numbers.normal(size=384).astype(np.float32)
        for text in texts
    }


def test_vectors_come_back_under_their_keys_as_float16(tmp_path: Path):
    path, vectors = tmp_path / "vectors.npz", make_vectors()

    save_starter_vectors(vectors, model=MODEL, path=path)

    loaded = load_starter_vectors(MODEL, path=path)
    assert loaded.keys() == vectors.keys()
    for key, vector in vectors.items():
        assert loaded[key].dtype == np.float16
        assert np.array_equal(loaded[key], vector.astype(np.float16))


def test_vectors_of_another_model_are_not_given(tmp_path: Path):
    path = tmp_path / "vectors.npz"
    save_starter_vectors(make_vectors(), model=MODEL, path=path)

    assert load_starter_vectors("bge-m3", path=path) == {}


def test_without_a_file_there_are_no_vectors(tmp_path: Path):
    assert load_starter_vectors(MODEL, path=tmp_path / "vectors.npz") == {}


def test_no_vectors_can_be_saved_and_loaded(tmp_path: Path):
    path = tmp_path / "vectors.npz"

    save_starter_vectors({}, model=MODEL, path=path)

    assert load_starter_vectors(MODEL, path=path) == {}


def test_the_same_vectors_give_the_same_bytes_in_whatever_order_they_come(tmp_path: Path):
    vectors = make_vectors()
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"

    save_starter_vectors(vectors, model=MODEL, path=first)
    save_starter_vectors(dict(reversed(vectors.items())), model=MODEL, path=second)

    assert first.read_bytes() == second.read_bytes()


def test_saving_that_fails_leaves_the_old_vectors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path, vectors = tmp_path / "vectors.npz", make_vectors()
    save_starter_vectors(vectors, model=MODEL, path=path)

    def fill_the_disk(file, **arrays):
        file.write(b"PK")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", fill_the_disk)
    with pytest.raises(OSError, match="No space left"):
        save_starter_vectors({}, model=MODEL, path=path)

    assert load_starter_vectors(MODEL, path=path).keys() == vectors.keys()
