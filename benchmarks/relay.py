"""Decides whether a delta costs less in our whole engine than in the naive relay of FastAPI, uvicorn and the openai SDK.

``python -m benchmarks.relay [--streams N] [--deltas N] [--gap SECONDS] [--pairs N]``; Linux. Ours accepts, holds, grounds,
screens, logs, checks and charges; the relay passes on. Counted is the CPU time of the web process; PostgreSQL's is told.
"""

import argparse
import statistics
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

from benchmarks.database import own_database
from benchmarks.engine import Engine, cpu_seconds_of, make_conversations
from benchmarks.relay_peer import RelayPeer
from benchmarks.reporting import Row, argument_parser, print_machine, print_rows
from benchmarks.upstream import scripted_upstream

_DATABASE = "guoxue_bench_relay"
_QUESTION = "何谓学？"


def main() -> int:
    """Let all sides relay the same streams in turns; return 1 if a bar is missed."""
    parser = argument_parser(__doc__)
    parser.add_argument("--streams", type=int, default=20, metavar="N", help="at once")
    parser.add_argument("--deltas", type=int, default=200, metavar="N", help="of each stream")
    parser.add_argument("--gap", type=float, default=0.02, metavar="SECONDS", help="between deltas")
    parser.add_argument("--pairs", type=int, default=5, metavar="N")
    options = parser.parse_args()
    with own_database(_DATABASE):
        return _measure(options)


def _measure(options: argparse.Namespace) -> int:
    from knowledge.starter.loading import load_starter

    load_starter()
    with ExitStack() as stack:
        upstream = stack.enter_context(scripted_upstream(deltas=options.deltas, gap_seconds=options.gap))
        daphne = stack.enter_context(Engine("daphne", upstream))
        uvicorn = stack.enter_context(Engine("uvicorn", upstream))
        unlogged = stack.enter_context(Engine("daphne without a log", upstream))
        naive = stack.enter_context(RelayPeer(upstream, "sdk"))
        lent = stack.enter_context(RelayPeer(upstream, "ours"))
        runs: dict[str, Callable[[int], float]] = {
            "daphne": _cost_of(daphne),
            "uvicorn": _cost_of(uvicorn),
            "unlogged": _cost_of(unlogged),
            "naive": lambda streams: naive.cpu_of(streams, _QUESTION),
            "lent": lambda streams: lent.cpu_of(streams, _QUESTION),
        }
        print_machine()
        for run in runs.values():
            run(options.streams)
        stored = _cpu_of_postgresql()
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(options.pairs):
            for name, run in runs.items():
                seconds[name].append(run(options.streams))
        stored = (_cpu_of_postgresql() - stored) / (3 * options.pairs)
    deltas = options.streams * options.deltas
    micros = {name: statistics.median(times) / deltas * 1e6 for name, times in seconds.items()}
    for name, times in seconds.items():
        print(f"{name}: " + ", ".join(f"{value / deltas * 1e6:.0f}" for value in times) + " µs")
    print(f"PostgreSQL takes {stored / deltas * 1e6:.0f} µs a delta of ours.")
    title = f"µs of CPU a delta, {options.streams} streams of {options.deltas} deltas, {options.gap * 1000:g} ms apart, {options.pairs} pairs"
    return 0 if print_rows(title, _rows(micros)) else 1


def _rows(micros: dict[str, float]) -> list[Row]:
    naive, lent, unlogged = (round(micros[name], 1) for name in ("naive", "lent", "unlogged"))
    return [
        Row("engine on daphne, naive relay", naive, micros["daphne"], 0.5 * naive, is_ceiling=True),
        Row("engine on uvicorn, naive relay", naive, micros["uvicorn"], 0.3 * naive, is_ceiling=True),
        Row("engine on daphne, relay with our decoder", lent, micros["daphne"], 1.4 * lent, is_ceiling=True),
        Row(
            "engine on uvicorn, relay with our decoder", lent, micros["uvicorn"], 1.4 * lent, is_ceiling=True
        ),
        Row("engine with its log, without", unlogged, micros["daphne"], 1.4 * unlogged, is_ceiling=True),
    ]


def _cost_of(engine: Engine) -> Callable[[int], float]:
    return lambda streams: engine.cpu_of(make_conversations(streams), _QUESTION)


def _cpu_of_postgresql() -> float:
    """Return the CPU seconds of the server's processes that live, as far as they are on this machine."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity")
        pids = [row[0] for row in cursor.fetchall()]
    return sum(cpu_seconds_of(pid) for pid in pids if Path(f"/proc/{pid}").exists())


if __name__ == "__main__":
    sys.exit(main())
