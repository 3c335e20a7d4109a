"""Decides whether a delta costs less in our whole engine than in the naive relay of FastAPI, uvicorn and the openai SDK.

``python -m benchmarks.relay [--streams N] [--deltas N] [--gap SECONDS] [--pairs N]``; Linux. Ours accepts, holds, grounds,
screens, logs, checks and charges; the relay passes on. Counted is the CPU time of the web process; PostgreSQL's is told.
A turn costs the same however long its reply is, so both are shown: a delta with its share of the turn, and a delta more.
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
_FEW_DELTAS = 2


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
    print_machine()
    whole = _micros_a_stream(options, options.deltas)
    begun = _micros_a_stream(options, _FEW_DELTAS)
    title = f"{options.streams} streams of {options.deltas} deltas, {options.gap * 1000:g} ms apart, {options.pairs} pairs"
    shared = {name: micros / options.deltas for name, micros in whole.items()}
    alone = {name: (whole[name] - begun[name]) / (options.deltas - _FEW_DELTAS) for name in whole}
    met = [
        print_rows(f"µs of CPU a delta, with its share of the turn, {title}", _rows(shared)),
        print_rows(f"µs of CPU a delta more, beyond {_FEW_DELTAS} of a stream", _rows(alone)),
    ]
    return 0 if all(met) else 1


def _micros_a_stream(options: argparse.Namespace, deltas: int) -> dict[str, float]:
    """Return what a stream of so many deltas costs each side, the median of all pairs."""
    with ExitStack() as stack:
        upstream = stack.enter_context(scripted_upstream(deltas=deltas, gap_seconds=options.gap))
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
        for run in runs.values():
            run(options.streams)
        stored = _cpu_of_postgresql()
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        for _ in range(options.pairs):
            for name, run in runs.items():
                seconds[name].append(run(options.streams))
        stored = (_cpu_of_postgresql() - stored) / (3 * options.pairs)
    for name, times in seconds.items():
        print(f"{name}: " + ", ".join(f"{value / options.streams * 1e3:.1f}" for value in times) + " ms")
    print(f"PostgreSQL takes {stored / options.streams * 1e3:.1f} ms a stream of ours, of {deltas} deltas.")
    return {name: statistics.median(times) / options.streams * 1e6 for name, times in seconds.items()}


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
