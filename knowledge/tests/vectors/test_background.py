"""A similarity is told by how far it stands above chance, whatever the model's scale."""

import numpy as np
import pytest

from knowledge.tests.corpus import FakeEmbedder, load, use_embedder
from knowledge.vectors import filling
from knowledge.vectors.background import standardise

pytestmark = pytest.mark.django_db


def test_small_corpus_has_a_fixed_scale() -> None:
    scores = standardise(np.array([1.0, 0.0]), {1: 0.3, 2: -0.1}, model="没有")

    assert scores == {1: pytest.approx(3.0), 2: pytest.approx(-1.0)}


def test_scale_is_that_of_the_vectors_stored(tmp_path, monkeypatch) -> None:
    embedder = use_embedder(monkeypatch, FakeEmbedder())
    load(
        tmp_path,
        "# 百句\n\n" + "\n\n".join(f"{chr(code)}之{chr(code + 1)}者" for code in range(0x4E00, 0x4E40)),
    )
    filling.embed_missing()
    vector = embedder.embed_query("学而时习之")
    everything = embedder.embed_passages(
        [f"百句 {chr(code)}之{chr(code + 1)}者" for code in range(0x4E00, 0x4E40)]
    )
    cosines = everything @ vector

    scores = standardise(vector, {1: float(cosines.mean()), 2: 0.9}, model=embedder.name)

    assert scores[1] == pytest.approx(0.0, abs=0.5)
    assert scores[2] == pytest.approx((0.9 - cosines.mean()) / cosines.std(), rel=0.2)
