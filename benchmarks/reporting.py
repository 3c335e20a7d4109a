"""Decides how a benchmark reports: one row for each figure, with its reference, its bar and whether it is reached."""

import argparse
import os
import platform
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import perf_counter

from knowledge.management.tables import format_table

_HEADINGS = ("figure", "reference", "ours", "ratio", "bar", "ok")
_SPINS = 40


@dataclass(frozen=True)
class Row:
    """A figure beside its reference (None: there is none) and its bar.

    ``is_ceiling`` tells that the bar is the most that is allowed (a time, a ratio of times), not the least.
    """

    name: str
    reference: float | None
    ours: float
    bar: float
    is_ceiling: bool = False

    @property
    def ratio(self) -> float | None:
        """Ours divided by the reference, where there is one."""
        return self.ours / self.reference if self.reference else None

    @property
    def is_reached(self) -> bool:
        """Tell whether the figure keeps to its bar."""
        return self.ours <= self.bar if self.is_ceiling else self.ours >= self.bar


def argument_parser(described: str | None) -> argparse.ArgumentParser:
    """Return a parser that shows a script's docstring as it is written."""
    return argparse.ArgumentParser(
        description=described, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def print_rows(title: str, rows: Sequence[Row]) -> bool:
    """Print the rows as a table; return whether every bar is reached."""
    print(f"\n{title}")
    for line in format_table(_HEADINGS, [_cells(row) for row in rows]):
        print(line)
    return all(row.is_reached for row in rows)


def print_machine() -> None:
    """Print what the times depend on: cores, load, and how much the same work varies from one time to the next."""
    times = sorted(_spin() for _ in range(_SPINS))
    median, slow = statistics.median(times), times[int(0.95 * (_SPINS - 1))]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, load {load}; "
        f"the same loop takes {median * 1000:.1f} ms, at p95 {slow / median:.2f} times as long."
    )
    if slow / median > 1.5:
        print("The machine is busy: trust ratios, not times, and measure again.")


def time_alternately(runs: dict[str, Callable[[], object]], *, rounds: int) -> dict[str, float]:
    """Return the median seconds of each run; they take turns, so that a busy spell hits all of them alike."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(seconds_of(run))
    return {name: statistics.median(values) for name, values in times.items()}


def seconds_of(run: Callable[[], object]) -> float:
    """Return how long one run takes, in seconds."""
    started = perf_counter()
    run()
    return perf_counter() - started


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table that has no bars."""
    for line in format_table(headings, list(rows)):
        print(line)


def _cells(row: Row) -> tuple[str, ...]:
    sign = "≤" if row.is_ceiling else "≥"
    return (
        row.name,
        "—" if row.reference is None else f"{row.reference:g}",
        f"{row.ours:.3f}",
        "—" if row.ratio is None else f"{row.ratio:.2f}",
        f"{sign} {row.bar:g}",
        "ok" if row.is_reached else "FAIL",
    )


def _spin() -> float:
    return seconds_of(lambda: sum(number * number for number in range(60_000)))
