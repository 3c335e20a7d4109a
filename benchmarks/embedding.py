"""Decides whether filling in vectors keeps the model busy: our pipeline beside the bare model in the same process.

``python -m benchmarks.embedding [--data FOLDER] [--passages N] [--rounds N]``
"""

import statistics
import sys
from pathlib import Path

import numpy as np

from benchmarks.core_texts import core_rows, store_passages
from benchmarks.corpus import add_data_argument
from benchmarks.database import drop_database, open_database
from benchmarks.reporting import Row, argument_parser, print_machine, print_rows, seconds_of

_DATABASE = "guoxue_bench_embedding"


def main() -> int:
    """Embed the same passages both ways in turns, print the rows; return 1 if the bar is missed."""
    parser = argument_parser(__doc__)
    add_data_argument(parser)
    parser.add_argument("--passages", type=int, default=1024, metavar="N")
    parser.add_argument("--rounds", type=int, default=3, metavar="N")
    options = parser.parse_args()
    open_database(_DATABASE)
    try:
        return _measure(options.data, options.passages, options.rounds)
    finally:
        drop_database(_DATABASE)


def _measure(data: Path, count: int, rounds: int) -> int:
    from django.conf import settings

    from knowledge.bundled_model import BundledModel
    from knowledge.embeddings import embedder_named, passage_input
    from knowledge.embeddings.bundled import BUNDLED_MODEL
    from knowledge.models import Embedding
    from knowledge.vectors.filling import embed_missing

    rows = core_rows(data)
    rows = [rows[place] for place in np.linspace(0, len(rows) - 1, count).astype(int)]
    inputs = [f"passage: {passage_input(work=work, section=path, text=text)}" for work, path, text in rows]
    store_passages(rows)
    runner = BundledModel.open(settings.VAR_DIR / "models", threads=settings.EMBEDDING_THREADS)
    alone = BundledModel.open(settings.VAR_DIR / "models", threads=1)
    runner.embed(inputs[:32])
    embedder_named(BUNDLED_MODEL).embed_query("学而时习之")

    def fill_in() -> None:
        stored = embed_missing(model=BUNDLED_MODEL)
        assert stored == count, stored

    print_machine()
    bare, ours = [], []
    for _ in range(rounds):
        Embedding.objects.all().delete()
        bare.append(seconds_of(lambda: runner.embed(inputs)))
        ours.append(seconds_of(fill_in))
    single = seconds_of(lambda: alone.embed(inputs[: count // 2])) * 2
    rate, reference = count / statistics.median(ours), count / statistics.median(bare)
    print(
        f"{count} passages of {sum(map(len, inputs)) / count:.0f} characters; the bare model on one thread "
        f"{count / single:.1f} a second, on {settings.EMBEDDING_THREADS} {reference:.1f}."
    )
    reached = print_rows(
        "embedding pipeline", [Row("passages a second", round(reference, 1), rate, 0.9 * reference)]
    )
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
