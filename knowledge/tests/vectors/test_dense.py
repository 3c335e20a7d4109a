"""What is near in meaning is found by the HNSW graph or by an exact scan, and always in full number."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from django.db import connection

from knowledge.models import Embedding, Passage, Section, Work
from knowledge.vectors import dense, vector_index
from knowledge.vectors.dense import find_nearest, measure_similarity
from knowledge.vectors.storing import store_vectors

pytestmark = pytest.mark.django_db

DIMENSIONS = 384
SIZES = {"大书": 4000, "小书": 40, "远书": 1500}


@dataclass(frozen=True)
class Shelf:
    """Three works, and the vectors of their passages: those of 远书 lie on the far side of all others."""

    works: dict[str, int]
    passages: dict[str, np.ndarray]
    vectors: dict[str, np.ndarray]

    def nearest(self, query: np.ndarray, titles: list[str], limit: int) -> list[int]:
        """The truly nearest passages of the works, best first."""
        ids = np.concatenate([self.passages[title] for title in titles])
        vectors = np.concatenate([self.vectors[title] for title in titles])
        return ids[np.argsort(-(vectors @ query), kind="stable")[:limit]].tolist()

    def ids_of(self, *titles: str) -> list[int]:
        return [self.works[title] for title in titles]


def make_vectors(count: int, *, side: float, seed: int) -> np.ndarray:
    """Vectors around some dozen centres on one side of the sphere, as those of texts are."""
    numbers = np.random.default_rng(seed)
    centres = numbers.normal(size=(12, DIMENSIONS))
    vectors = centres[numbers.integers(12, size=count)] + numbers.normal(scale=0.7, size=(count, DIMENSIONS))
    vectors[:, 0] = side * 12
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)


@pytest.fixture(scope="module")
def shelf(django_db_setup, django_db_blocker) -> Iterator[Shelf]:
    """Rows that outlive a test: their index cannot be built inside a test's transaction."""
    with django_db_blocker.unblock():
        works = {title: Work.objects.create(title=title, passage_count=size) for title, size in SIZES.items()}
        passages, vectors = {}, {}
        for number, (title, size) in enumerate(SIZES.items()):
            rows = Passage.objects.bulk_create(
                Passage(work=works[title], ordinal=ordinal, text="文", folded="文", length=1)
                for ordinal in range(size)
            )
            passages[title] = np.array([row.pk for row in rows])
            vectors[title] = make_vectors(size, side=-1 if title == "远书" else 1, seed=number)
            store_vectors("near-model", dict(zip(passages[title].tolist(), vectors[title], strict=True)))
        other = passages["大书"][:500].tolist()
        store_vectors("other-model", dict(zip(other, vectors["大书"][:500], strict=True)))
        vector_index.build_index("near-model", dimensions=DIMENSIONS, vectors=sum(SIZES.values()))
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE knowledge_embedding")
        yield Shelf({title: work.pk for title, work in works.items()}, passages, vectors)
        vector_index.drop_index("near-model", dimensions=DIMENSIONS)
        for model in (Embedding, Passage, Section, Work):
            model.objects.all().delete()


@pytest.fixture(autouse=True)
def small_scopes_only_are_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "SCANNED_SCOPE", 100)


@pytest.fixture
def plan_of():
    """Run a lookup and return the plan of each SELECT on the vectors that it sent."""

    def explain(lookup) -> list[str]:
        sent: list[tuple[str, dict]] = []

        def note(execute, statement, parameters, many, context):
            sent.append((statement, parameters))
            return execute(statement, parameters, many, context)

        with connection.execute_wrapper(note):
            lookup()
        plans = []
        for statement, parameters in sent:
            *settings, select = statement.split(";")
            if "FROM knowledge_embedding" in select:
                with connection.cursor() as cursor:
                    for setting in settings:
                        cursor.execute(setting, parameters)
                    cursor.execute(f"EXPLAIN {select}", parameters)
                    plans.append("\n".join(row[0] for row in cursor.fetchall()))
        return plans

    return explain


def a_query(seed: int = 7) -> np.ndarray:
    return make_vectors(1, side=1, seed=seed)[0]


def test_the_whole_corpus_is_searched_by_the_graph(shelf: Shelf, plan_of) -> None:
    (plan,) = plan_of(lambda: find_nearest(a_query(), model="near-model", work_ids=None, limit=20))

    assert vector_index.index_name("near-model", DIMENSIONS) in plan
    assert "Seq Scan" not in plan


def test_a_broad_scope_is_searched_by_the_graph(shelf: Shelf, plan_of) -> None:
    scope = shelf.ids_of("大书", "小书")

    (plan,) = plan_of(lambda: find_nearest(a_query(), model="near-model", work_ids=scope, limit=20))

    assert vector_index.index_name("near-model", DIMENSIONS) in plan
    assert "work_id" in plan


def test_a_scope_on_the_far_side_is_reached_by_walking_on(shelf: Shelf, plan_of) -> None:
    scope = shelf.ids_of("远书")

    plans = plan_of(lambda: find_nearest(a_query(), model="near-model", work_ids=scope, limit=20))

    assert len(plans) == 1
    assert vector_index.index_name("near-model", DIMENSIONS) in plans[0]


def test_a_narrow_scope_is_scanned_by_its_works_alone(shelf: Shelf, plan_of) -> None:
    scope = shelf.ids_of("小书")

    (plan,) = plan_of(lambda: find_nearest(a_query(), model="near-model", work_ids=scope, limit=20))

    assert "embedding_model_work" in plan
    assert vector_index.index_name("near-model", DIMENSIONS) not in plan
    assert "Seq Scan" not in plan


def test_a_model_without_a_graph_is_scanned_exactly(shelf: Shelf, plan_of) -> None:
    (plan,) = plan_of(lambda: find_nearest(a_query(), model="other-model", work_ids=None, limit=20))

    assert "embedding_hnsw" not in plan


@pytest.mark.parametrize("limit", [1, 100, 300, 1200])
@pytest.mark.parametrize(
    "titles", [None, ["大书"], ["小书"], ["远书"], ["小书", "远书"], ["大书", "小书", "远书"]]
)
def test_a_scope_always_gives_its_full_number(shelf: Shelf, titles: list[str] | None, limit: int) -> None:
    scope = None if titles is None else shelf.ids_of(*titles)
    available = sum(SIZES[title] for title in titles or SIZES)

    found = find_nearest(a_query(), model="near-model", work_ids=scope, limit=limit)

    assert len(found) == min(limit, available)
    allowed = np.concatenate([shelf.passages[title] for title in titles or SIZES])
    assert set(found) <= set(allowed.tolist())
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_when_the_walk_gives_too_few_the_scope_is_scanned(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    query, scope = a_query(), shelf.ids_of("远书")
    monkeypatch.setattr(dense, "WALKED", dense.WALKED.replace("LIMIT %(limit)s", "LIMIT 3"))

    found = find_nearest(query, model="near-model", work_ids=scope, limit=20)

    assert list(found) == shelf.nearest(query, ["远书"], 20)


def test_removed_vectors_do_not_count(shelf: Shelf) -> None:
    query = a_query()
    gone = shelf.nearest(query, list(SIZES), 230)
    Embedding.objects.filter(passage__in=gone, model="near-model").delete()

    found = find_nearest(query, model="near-model", work_ids=None, limit=100)

    assert len(found) == 100
    assert not set(found) & set(gone)


def test_nineteen_of_twenty_of_the_truly_nearest_are_found(shelf: Shelf) -> None:
    noise = np.random.default_rng(8).normal(scale=0.02, size=(40, DIMENSIONS)).astype(np.float32)
    queries = shelf.vectors["大书"][:40] + noise

    found = [find_nearest(query, model="near-model", work_ids=None, limit=20) for query in queries]

    shared = [
        len(set(each) & set(shelf.nearest(query, list(SIZES), 20)))
        for each, query in zip(found, queries, strict=True)
    ]
    assert sum(shared) / (20 * len(queries)) >= 0.95


@pytest.mark.parametrize("titles", [["小书"], ["大书"]])
def test_similarities_are_cosines(shelf: Shelf, titles: list[str]) -> None:
    query = a_query()

    found = find_nearest(query, model="near-model", work_ids=shelf.ids_of(*titles), limit=20)

    place = {key: row for row, key in enumerate(shelf.passages[titles[0]].tolist())}
    expected = [float(shelf.vectors[titles[0]][place[key]] @ query) for key in found]
    assert list(found.values()) == pytest.approx(expected, abs=1e-3)
    assert measure_similarity(query, model="near-model", passage_ids=list(found)) == pytest.approx(found)


def test_each_model_has_its_own_vectors(shelf: Shelf) -> None:
    found = find_nearest(a_query(), model="other-model", work_ids=None, limit=1000)

    assert set(found) == set(shelf.passages["大书"][:500].tolist())
    assert measure_similarity(a_query(), model="no-model", passage_ids=list(found)) == {}


def test_nothing_is_near_in_no_works(shelf: Shelf) -> None:
    assert find_nearest(a_query(), model="near-model", work_ids=[], limit=20) == {}


def test_no_passages_are_not_asked_about(django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        assert measure_similarity(a_query(), model="near-model", passage_ids=[]) == {}
