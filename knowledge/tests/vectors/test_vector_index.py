"""The graph over a model's vectors is built beside the running search, once, and again after a killed build."""

from collections.abc import Iterator

import numpy as np
import psycopg
import pytest
from django.db import DatabaseError, OperationalError, connection, connections

from knowledge.locks import Lock
from knowledge.models import Embedding, Passage, Work
from knowledge.tests.corpus import FakeEmbedder, use_embedder
from knowledge.vectors import dense, filling, vector_index
from knowledge.vectors.dense import find_nearest
from knowledge.vectors.storing import store_vectors
from knowledge.vectors.vector_index import build_index, drop_index, has_index, index_name

pytestmark = pytest.mark.django_db(transaction=True)


def make_passages(count: int) -> list[int]:
    work = Work.objects.create(title="书", passage_count=count)
    rows = Passage.objects.bulk_create(
        Passage(work=work, ordinal=ordinal, text="文", folded="文", length=1) for ordinal in range(count)
    )
    return [row.pk for row in rows]


@pytest.fixture
def passages() -> Iterator[list[int]]:
    """Some passages with vectors of 8 dimensions; the index of a test goes with it."""
    keys = make_passages(50)
    vectors = np.random.default_rng(1).normal(size=(50, 8)).astype(np.float32)
    store_vectors("model", dict(zip(keys, vectors, strict=True)))
    yield keys
    drop_index("model", dimensions=8)


def ask(statement: str, *parameters: object) -> object:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchone()[0]


def test_the_index_is_built_once(passages: list[int]) -> None:
    assert not has_index("model", dimensions=8)

    first = build_index("model", dimensions=8, vectors=50)
    number = ask("SELECT to_regclass(%s)::oid", index_name("model", 8))
    second = build_index("model", dimensions=8, vectors=50)

    assert first and second and has_index("model", dimensions=8)
    assert ask("SELECT to_regclass(%s)::oid", index_name("model", 8)) == number


def test_models_and_lengths_have_indexes_of_their_own() -> None:
    names = {index_name(model, dimensions) for model in ("a", "b'; DROP") for dimensions in (8, 16)}

    assert len(names) == 4
    assert all(len(name) < 63 and name.replace("_", "").isalnum() for name in names)


def test_what_a_killed_build_left_is_cleared_away(passages: list[int]) -> None:
    Embedding.objects.filter(passage=passages[-1]).delete()
    store_vectors("model", {passages[-1]: np.ones(4, np.float32)})
    with pytest.raises(DatabaseError):
        build_index("model", dimensions=8, vectors=50)
    assert (
        ask("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", index_name("model", 8))
        is False
    )
    Embedding.objects.filter(passage=passages[-1]).delete()

    assert not has_index("model", dimensions=8)
    assert build_index("model", dimensions=8, vectors=50)
    assert has_index("model", dimensions=8)


def test_without_shared_memory_for_helpers_the_index_is_built_alone(
    passages: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, commands = vector_index._run, []

    def refuse_helpers(command) -> None:
        text = command.as_string(None)
        commands.append(text.split(" INDEX")[0])
        if text.startswith("CREATE") and "SET max_parallel_maintenance_workers = 0" not in commands:
            raise OperationalError("could not resize shared memory segment") from psycopg.errors.DiskFull()
        run(command)

    monkeypatch.setattr(vector_index, "_run", refuse_helpers)

    assert build_index("model", dimensions=8, vectors=50)
    assert commands.count("CREATE") == 2
    assert has_index("model", dimensions=8)


def test_an_index_that_another_process_builds_is_left_to_it(passages: list[int]) -> None:
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [Lock.VECTOR_INDEX])
        meanwhile = build_index("model", dimensions=8, vectors=50)
        # The pool keeps the connection, and with it the lock.
        cursor.execute("SELECT pg_advisory_unlock(%s)", [Lock.VECTOR_INDEX])
    other.close()

    assert meanwhile is False
    assert not has_index("model", dimensions=8)


def test_vectors_too_long_for_a_graph_go_without(caplog: pytest.LogCaptureFixture) -> None:
    assert build_index("model", dimensions=4096, vectors=50) is False
    assert "4096" in caplog.text


def test_neither_building_nor_searching_leaves_settings_on_the_connection(passages: list[int]) -> None:
    names = (
        "maintenance_work_mem",
        "max_parallel_maintenance_workers",
        "hnsw.ef_search",
        "hnsw.iterative_scan",
    )
    # The extension's settings are known once it is loaded.
    ask("SELECT '[1]'::halfvec <=> '[1]'::halfvec")
    before = [ask(f"SHOW {name}") for name in names]

    build_index("model", dimensions=8, vectors=1_000_000)
    find_nearest(np.ones(8, np.float32), model="model", work_ids=None, limit=5)

    assert [ask(f"SHOW {name}") for name in names] == before
    assert dense.EF_SEARCH >= 200


def test_a_model_is_indexed_once_it_has_vectors_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    embedder = use_embedder(monkeypatch, FakeEmbedder())
    monkeypatch.setattr(vector_index, "INDEXED_FROM", 30)
    make_passages(30)
    filling.embed_missing()
    Embedding.objects.filter(passage=Passage.objects.first()).delete()

    (few,) = filling.complete_models()
    filling.embed_missing()
    (enough,) = filling.complete_models()

    assert (few.indexed, enough.indexed) == (False, True)
    assert has_index("fake-model", dimensions=embedder.dimensions)
    drop_index("fake-model", dimensions=embedder.dimensions)
