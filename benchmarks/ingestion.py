"""Decides whether a corpus comes in fast enough: the product's own command beside a bare script, in the same run.

``python -m benchmarks.ingestion [--data FOLDER] [--passages N] [--rounds N] [--workers N]``
"""

import statistics
import sys
import tempfile
from io import StringIO
from pathlib import Path
from time import perf_counter

from benchmarks.bare_loading import Part, copy_prepared, load_bare
from benchmarks.corpus import BenchCorpus, add_data_argument, write_works
from benchmarks.database import drop_database, open_database
from benchmarks.reporting import Row, argument_parser, print_machine, print_rows, print_table

_DATABASE = "guoxue_bench_ingestion"
_BAR = 1.3


def main() -> int:
    """Measure in turns, print the parts of each and the bar; return 1 if it is missed."""
    parser = argument_parser(__doc__)
    add_data_argument(parser)
    parser.add_argument("--passages", type=int, metavar="N", help="only so many passages, for development")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="how often each is measured")
    parser.add_argument("--workers", type=int, metavar="N", help="as for ingest_corpus")
    options = parser.parse_args()
    corpus = BenchCorpus(options.data, is_core=False, passages=options.passages)
    open_database(_DATABASE, is_fresh=True)
    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        count = write_works(corpus, Path(folder))
        rounds = [_measure(Path(folder), options.workers) for _ in range(options.rounds)]
    drop_database(_DATABASE)
    print(f"{count} passages, median of {len(rounds)} rounds.")
    bare, ours, prepared = (statistics.median(times) for times in zip(*rounds, strict=True))
    print(
        f"For information: ours takes {ours / prepared:.2f} times as long as copying its prepared rows and indexing them."
    )
    name = "seconds to load and index, by ours at most 1.3 times those of the bare script"
    return 0 if print_rows(_DATABASE, [Row(name, bare, ours, _BAR * bare, is_ceiling=True)]) else 1


def _measure(folder: Path, workers: int | None) -> tuple[float, float, float]:
    """Load the folder by the bare script, by the product, and its rows as they are; print the parts, return the sums."""
    bare = load_bare(folder)
    ours = _load(folder, workers)
    prepared = copy_prepared()
    print_table(
        ("", "part", "seconds"),
        [
            (name, part.name, f"{part.seconds:.1f}")
            for name, parts in (("bare script", bare), ("ours", ours), ("prepared rows", prepared))
            for part in parts
        ],
    )
    return _sum(bare), _sum(ours), _sum(prepared)


def _load(folder: Path, workers: int | None) -> list[Part]:
    """Load the folder by the product's command into an empty corpus."""
    from django.core.management import call_command

    _empty()
    said = StringIO()
    started = perf_counter()
    call_command("ingest_corpus", str(folder), no_embed=True, workers=workers, stdout=said)
    seconds = perf_counter() - started
    print(said.getvalue().splitlines()[-1])
    return [Part("ingest_corpus, indexes included", seconds)]


def _empty() -> None:
    from django.db import connection

    tables = "knowledge_work, knowledge_indexsegment, knowledge_ingestedsource"
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables} CASCADE")


def _sum(parts: list[Part]) -> float:
    return sum(part.seconds for part in parts)


if __name__ == "__main__":
    sys.exit(main())
