"""Decides whether the search finds what it should: the bars of the core by both sides, of the full corpus by one.

``python -m benchmarks.retrieval core|full [--data FOLDER] [--passages N] [--queries N] [--lexical]``
"""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING
from unittest.mock import Mock, patch

from benchmarks.corpus import BenchCorpus, add_corpus_arguments, open_corpus
from benchmarks.reporting import Row, argument_parser, print_machine, print_rows, print_table

if TYPE_CHECKING:
    from knowledge.evaluation.scoring import Figures

_WARMING_QUERIES = 40


@dataclass(frozen=True)
class Bar:
    """The least (for a time: the most) that a figure of one kind of query may be, and what was measured before us."""

    kind: str
    metric: str
    reference: float
    bar: float

    @property
    def is_time(self) -> bool:
        """Tell whether the figure is a time, in milliseconds."""
        return self.metric.endswith("_ms")


# References: the best fusion measured before ours on the core; on all passages the lexical side alone. Of a range that
# was measured it is the better end.
CORE = (
    Bar("question", "recall_5", 0.96, 0.95),
    Bar("modern", "recall_5", 0.90, 0.91),
    Bar("modern", "mrr_10", 0.85, 0.86),
    Bar("fragment", "recall_1", 1.0, 0.995),
    Bar("traditional", "recall_1", 0.997, 0.995),
    Bar("fragment_noisy", "recall_1", 0.99, 0.985),
)
FULL = (
    Bar("question", "recall_5", 0.62, 0.66),
    Bar("modern", "recall_5", 0.63, 0.70),
    Bar("fragment", "recall_1", 1.0, 0.995),
    Bar("traditional", "recall_1", 0.997, 0.995),
    Bar("fragment_noisy", "recall_1", 0.93, 0.96),
    Bar("", "p50_ms", 16, 20),
    Bar("", "p95_ms", 51, 60),
)


def main() -> int:
    """Measure, print the table of all figures and that of the bars; return 1 if one is missed."""
    parser = argument_parser(__doc__)
    add_corpus_arguments(parser)
    parser.add_argument("--queries", type=int, metavar="N", help="only so many of each kind, for development")
    parser.add_argument("--lexical", action="store_true", help="the lexical side alone on the core, too")
    options = parser.parse_args()
    by_characters = options.lexical or options.corpus == "full"
    corpus = open_corpus(options, with_vectors=not by_characters)
    print_machine()
    with without_vectors() if by_characters else nullcontext():
        figures = _measure(corpus, options.queries)
    reached = print_rows(_title(corpus, by_characters), _rows(figures, CORE if corpus.is_core else FULL))
    return 0 if reached else 1


@contextmanager
def without_vectors() -> Iterator[None]:
    """Let the product find no embedding model, as when its server is down: it searches by characters alone."""
    from knowledge import embeddings
    from knowledge.errors import EmbeddingUnavailable

    # The product warns of each search without a vector.
    logging.getLogger("knowledge").setLevel(logging.ERROR)
    doors = dict.fromkeys(("get_embedder", "embedder_named"), Mock(side_effect=EmbeddingUnavailable))
    with patch.multiple(embeddings, **doors):
        yield


def _measure(corpus: BenchCorpus, limit: int | None) -> "dict[str, Figures]":
    """Ask every query once, warm, and print all figures; return them by kind, "" for all of them together."""
    from knowledge.evaluation import query_sets, scoring

    queries = [query for path in corpus.query_files for query in query_sets.read_queries(path)]
    asked = query_sets.judge_queries(
        query_sets.select_queries(queries, limit=limit), passages=corpus.passages_file
    )
    for skip in asked.skipped[:5]:
        print(f"skipped {skip.id}: {skip.reason}")
    scoring.measure(asked.judged[:: max(1, len(asked.judged) // _WARMING_QUERIES)], mode="hybrid")
    outcomes = scoring.measure(asked.judged, mode="hybrid")
    found = scoring.summarise(outcomes)
    print(
        f"{len(outcomes)} queries, {len(asked.skipped)} skipped, "
        f"{sum(outcome.used_vectors for outcome in outcomes)} with vectors."
    )
    fields = ("recall_1", "recall_5", "recall_20", "mrr_10", "p50_ms", "p95_ms")
    print_table(
        ("kind", "n", *fields),
        [
            (row.kind or "all", str(row.queries), *(f"{getattr(row, field):.3f}" for field in fields))
            for row in found
        ],
    )
    return {row.kind: row for row in found}


def _rows(figures: "dict[str, Figures]", bars: Sequence[Bar]) -> list[Row]:
    return [
        Row(
            f"{bar.kind or 'all'} {bar.metric}",
            bar.reference,
            getattr(figures[bar.kind], bar.metric),
            bar.bar,
            is_ceiling=bar.is_time,
        )
        for bar in bars
        if bar.kind in figures
    ]


def _title(corpus: BenchCorpus, by_characters: bool) -> str:
    return f"{corpus.name}, {'the lexical side alone' if by_characters else 'both sides fused'}, dev split"


if __name__ == "__main__":
    sys.exit(main())
