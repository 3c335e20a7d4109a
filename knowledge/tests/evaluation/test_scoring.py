"""The search is measured against known answers, and each measurement is kept and compared with the last."""

from dataclasses import replace
from pathlib import Path

import pytest

from accounts.tests.factories import make_operator
from knowledge.errors import QueryFileRefused
from knowledge.evaluation import scoring
from knowledge.evaluation.query_sets import JudgedQuery
from knowledge.evaluation.runs import Selection, figures_of, previous_run, run_evaluation
from knowledge.evaluation.scoring import Figures, Outcome, percentile, summarise
from knowledge.models import EvaluationRun
from knowledge.retrieval.queries import parse_query
from knowledge.retrieval.search import SearchResult
from knowledge.tests.corpus import (
    DAODEJING,
    LUNYU,
    BrokenEmbedder,
    FakeEmbedder,
    load,
    use_embedder,
)
from knowledge.tests.evaluation.test_query_sets import query_file
from knowledge.vectors import filling

ANALECTS = {"id": "a", "kind": "modern", "query": "学而不思则罔", "gold_text": "学而不思则罔"}
WATER = {"id": "b", "kind": "question", "query": "水善利万物而不争", "gold_text": "上善若水", "work": "老子"}
LOST = {"id": "c", "kind": "question", "query": "大江东去", "gold_text": "大江东去浪淘尽"}


def outcome(kind: str, rank: int | None, elapsed_ms: float = 1.0) -> Outcome:
    return Outcome(JudgedQuery("id", kind, "问", frozenset()), rank, elapsed_ms, True, "")


def test_figures_count_the_rank_of_the_first_right_passage() -> None:
    outcomes = [outcome("a", rank, float(ms)) for ms, rank in enumerate((1, 2, 10, 11, None), 1)]

    kind, overall = summarise([*outcomes, outcome("b", 5, 9.0)])[0::2]

    assert kind == Figures("a", 5, 0.2, 0.4, 0.8, (1 + 1 / 2 + 1 / 10) / 5, 3.0, 5.0)
    assert (overall.kind, overall.queries, overall.recall_5) == ("", 6, 3 / 6)
    assert (kind.label, overall.label) == ("a", "全部")


def test_nothing_asked_gives_no_figures() -> None:
    assert summarise([]) == []


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 2), (0.51, 3), (0.95, 4), (1.0, 4)])
def test_percentile_is_a_value_that_occurred(share: float, value: float) -> None:
    assert percentile([4, 1, 3, 2], share) == value


def test_search_is_warmed_up_before_the_clock_runs(monkeypatch) -> None:
    asked: list[str] = []

    def search(text: str, *, limit: int, mode: str) -> SearchResult:
        asked.append(text)
        return SearchResult([], parse_query(text), dense_available=True)

    monkeypatch.setattr(scoring, "run_search", search)

    outcomes = scoring.measure([outcome("a", 1).query, outcome("b", 1).query], mode="line")

    assert asked == ["问", "问", "问"]
    assert [(each.query.kind, each.rank) for each in outcomes] == [("a", None), ("b", None)]


@pytest.mark.django_db
def test_run_is_kept_with_what_its_figures_depend_on(tmp_path: Path, monkeypatch) -> None:
    use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU, DAODEJING)
    filling.embed_missing()
    operator = make_operator()

    kept = run_evaluation(
        query_files=[query_file(tmp_path, ANALECTS, WATER, LOST)], label="初测", started_by=operator
    ).run

    run = EvaluationRun.objects.get(pk=kept.pk)
    assert (run.label, run.mode, run.query_file) == ("初测", "hybrid", "queries.jsonl")
    assert (run.passage_count, run.embedding_model, run.vector_count) == (9, "fake-model", 9)
    assert (run.without_vectors, run.started_by) == (0, operator)
    assert [(row.kind, row.queries, row.recall_20) for row in figures_of(run)] == [
        ("modern", 1, 1.0),
        ("question", 1, 1.0),
        ("", 2, 1.0),
    ]
    assert (run.skipped_count, run.skipped[0]["id"]) == (1, "c")


@pytest.mark.django_db
def test_searches_without_vectors_are_counted(tmp_path: Path, monkeypatch) -> None:
    use_embedder(monkeypatch, BrokenEmbedder())
    load(tmp_path, LUNYU)
    path = query_file(tmp_path, ANALECTS)

    hybrid, line = (run_evaluation(query_files=[path], mode=mode).run for mode in ("hybrid", "line"))

    assert (hybrid.without_vectors, hybrid.vector_count) == (1, 0)
    assert (line.without_vectors, line.embedding_model) == (0, "")


@pytest.mark.django_db
def test_run_is_compared_with_the_last_one_of_the_same_queries_and_mode(tmp_path: Path, monkeypatch) -> None:
    use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU)
    both = query_file(tmp_path, ANALECTS, {**ANALECTS, "id": "d", "query": "温故知新"})
    copy = query_file(tmp_path, ANALECTS, {**ANALECTS, "id": "d", "query": "温故知新"}, name="copy.jsonl")
    changed = query_file(tmp_path, ANALECTS, {**ANALECTS, "id": "d", "query": "温故"}, name="changed.jsonl")

    first = run_evaluation(query_files=[both]).run
    others = [
        run_evaluation(query_files=[both], mode="line").run,
        run_evaluation(query_files=[both], selection=Selection(limit=1)).run,
        run_evaluation(query_files=[changed]).run,
    ]
    again = run_evaluation(query_files=[copy]).run

    assert [previous_run(run) for run in (first, *others)] == [None] * 4
    assert previous_run(again) == first


@pytest.mark.django_db
def test_corpus_fingerprint_changes_with_the_texts_alone(tmp_path: Path, monkeypatch) -> None:
    use_embedder(monkeypatch, FakeEmbedder())
    path = query_file(tmp_path, ANALECTS)
    load(tmp_path, LUNYU)
    first = run_evaluation(query_files=[path]).run
    load(tmp_path, LUNYU)
    same = run_evaluation(query_files=[path]).run
    load(tmp_path, LUNYU.replace("吾日三省吾身", "吾日三省其身"))

    changed = run_evaluation(query_files=[path]).run

    assert first.corpus_hash == same.corpus_hash != changed.corpus_hash


@pytest.mark.django_db
def test_queries_that_the_corpus_cannot_answer_at_all_are_refused(tmp_path: Path, monkeypatch) -> None:
    use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU)

    with pytest.raises(QueryFileRefused, match="先导入对应的典籍"):
        run_evaluation(query_files=[query_file(tmp_path, LOST)])

    assert not EvaluationRun.objects.exists()


def test_kind_of_the_operators_own_keeps_its_name() -> None:
    figures = Figures("成语", 1, 1, 1, 1, 1, 1, 1)

    assert (figures.label, replace(figures, kind="fragment_noisy").label) == ("成语", "误记")
