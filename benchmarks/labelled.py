"""Decides whether the quotation check judges the labelled replies as it should: those that come with the program.

``python -m benchmarks.labelled``; the starter corpus is loaded into a database of its own.
"""

import sys

from benchmarks.database import own_database
from benchmarks.reporting import Row, print_machine, print_rows

_DATABASE = "guoxue_bench_labelled"


def main() -> int:
    """Check every labelled reply once, print the bars of ``evaluate_quotes``; return 1 if one is missed."""
    with own_database(_DATABASE):
        return _measure()


def _measure() -> int:
    from knowledge.evaluation.quote_evaluation import STARTER_CASES, measure_bars, read_cases, run_cases
    from knowledge.starter.loading import load_starter

    load_starter()
    print_machine()
    outcomes = run_cases(read_cases(STARTER_CASES))
    rows = [Row(bar.name, None, bar.share, bar.least) for bar in measure_bars(outcomes)]
    return 0 if print_rows(f"{len(outcomes)} labelled replies, starter corpus", rows) else 1


if __name__ == "__main__":
    sys.exit(main())
