"""Decides how well the search finds what it should: recall, reciprocal rank and time for each kind of query."""

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter

from knowledge.evaluation.query_sets import JudgedQuery
from knowledge.retrieval.search import run_search

DEPTH = 20
MRR_DEPTH = 10
ALL_KINDS = ""
KIND_LABELS = {
    ALL_KINDS: "全部",
    "question": "提问",
    "modern": "今译",
    "fragment": "残句",
    "fragment_noisy": "误记",
    "traditional": "繁体",
}
# What a person may call a figure, and how it is stored; the first is what tables show.
METRICS = {"R@1": "recall_1", "R@5": "recall_5", "R@20": "recall_20", "MRR@10": "mrr_10"}


@dataclass(frozen=True)
class Outcome:
    """At which rank, from 1, the search put the first right passage (None: not among the first 20)."""

    query: JudgedQuery
    rank: int | None
    elapsed_ms: float
    used_vectors: bool
    first_citation: str


@dataclass(frozen=True)
class Figures:
    """What was found for one kind of query; ``kind`` is "" for all queries together."""

    kind: str
    queries: int
    recall_1: float
    recall_5: float
    recall_20: float
    mrr_10: float
    p50_ms: float
    p95_ms: float

    @property
    def label(self) -> str:
        """The kind as a reader of Chinese calls it; one of the operator's own stays as it is."""
        return KIND_LABELS.get(self.kind, self.kind)


def measure(
    queries: Sequence[JudgedQuery],
    *,
    mode: str,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Outcome]:
    """Ask every query once, one after the other, after a first search that loads what has to be loaded."""
    if queries:
        run_search(queries[0].text, limit=DEPTH, mode=mode)
    outcomes: list[Outcome] = []
    for query in queries:
        outcomes.append(_ask(query, mode))
        on_progress(len(outcomes), len(queries))
    return outcomes


def summarise(outcomes: Sequence[Outcome]) -> list[Figures]:
    """Return the figures of each kind, in the order in which the kinds appear, and last those of all."""
    by_kind: dict[str, list[Outcome]] = defaultdict(list)
    for outcome in outcomes:
        by_kind[outcome.query.kind].append(outcome)
    rows = [_figures(kind, members) for kind, members in by_kind.items()]
    return [*rows, _figures(ALL_KINDS, outcomes)] if rows else []


def describe_share(figures: Figures, before: Figures | None, metric: str) -> str:
    """Write a figure, and by how much it rose ▲ or fell ▼ since ``before``: ``0.950 ▲0.013``."""
    field = METRICS[metric]
    value = getattr(figures, field)
    change = round(value - getattr(before, field), 3) if before else 0.0
    return f"{value:.3f} {'▲' if change > 0 else '▼'}{abs(change):.3f}" if change else f"{value:.3f}"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _ask(query: JudgedQuery, mode: str) -> Outcome:
    started = perf_counter()
    result = run_search(query.text, limit=DEPTH, mode=mode)
    elapsed_ms = (perf_counter() - started) * 1000
    places = (rank for rank, hit in enumerate(result.hits, 1) if query.answers.intersection(hit.passage_ids))
    first = result.hits[0].citation if result.hits else ""
    return Outcome(query, next(places, None), elapsed_ms, result.dense_available, first)


def _figures(kind: str, outcomes: Sequence[Outcome]) -> Figures:
    ranks = [outcome.rank for outcome in outcomes if outcome.rank is not None]
    total = len(outcomes)
    times = [outcome.elapsed_ms for outcome in outcomes]
    return Figures(
        kind=kind,
        queries=total,
        recall_1=sum(rank <= 1 for rank in ranks) / total,
        recall_5=sum(rank <= 5 for rank in ranks) / total,
        recall_20=sum(rank <= DEPTH for rank in ranks) / total,
        mrr_10=sum(1 / rank for rank in ranks if rank <= MRR_DEPTH) / total,
        p50_ms=percentile(times, 0.5),
        p95_ms=percentile(times, 0.95),
    )
