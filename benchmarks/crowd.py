"""Decides whether 300 replies can be followed at once on a small machine, without a stutter that a reader would see.

``python -m benchmarks.crowd [--streams N] [--arrivals N] [--seconds N] [--gap SECONDS]``; model, clients and server share
the machine. The readers come one after the other; measured is while all of them read. Told is also what a stream costs in
memory, beside the naive relay.
"""

import argparse
import asyncio
import statistics
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import pairwise

from benchmarks.database import own_database
from benchmarks.engine import Conversation, Engine, Heard, make_conversations, never_asked, private_bytes_of
from benchmarks.relay_peer import RelayPeer
from benchmarks.reporting import Row, argument_parser, print_machine, print_rows
from benchmarks.upstream import scripted_upstream

_DATABASE = "guoxue_bench_crowd"
_QUESTION = "何谓学？"
_LOOK_SECONDS = 0.5


def main() -> int:
    """Follow all replies to their ends; return 1 if a bar is missed."""
    parser = argument_parser(__doc__)
    parser.add_argument("--streams", type=int, default=300, metavar="N")
    parser.add_argument("--arrivals", type=float, default=10, metavar="N", help="new readers a second")
    parser.add_argument("--seconds", type=float, default=20, metavar="N", help="in which all of them read")
    parser.add_argument("--gap", type=float, default=0.05, metavar="SECONDS")
    options = parser.parse_args()
    with own_database(_DATABASE):
        return _measure(options)


def _measure(options: argparse.Namespace) -> int:
    from knowledge.starter.loading import load_starter

    load_starter()
    print_machine()
    seconds = options.streams / options.arrivals + options.seconds
    deltas = round(seconds / options.gap)
    with ExitStack() as stack:
        upstream = stack.enter_context(scripted_upstream(deltas=deltas, gap_seconds=options.gap))
        engine = stack.enter_context(Engine("daphne", upstream))
        asyncio.run(engine.ask_all(make_conversations(20), _QUESTION))
        conversations = make_conversations(options.streams)
        heard: list[Heard] = []
        growth = _growth_of(
            engine.process.pid,
            lambda: heard.extend(asyncio.run(_ask_in_turn(engine, conversations, options.arrivals))),
        )
        peer = stack.enter_context(RelayPeer(upstream, "sdk"))
        peer.cpu_of(20, _QUESTION)
        theirs = _growth_of(peer.process.pid, lambda: peer.cpu_of(options.streams, _QUESTION))
    came = [[each.asked_at + after for after in each.after["delta"]] for each in heard]
    begin, end = max(times[0] for times in came), min(times[-1] for times in came)
    added = sorted(
        1000 * (later - earlier - options.gap)
        for times in came
        for earlier, later in pairwise(times)
        if begin <= earlier and later <= end
    )
    if not added:
        raise SystemExit(f"They never all read at once: {begin - end:.0f} s are missing.")
    p50, p99 = statistics.median(added), added[int(0.99 * (len(added) - 1))]
    print(
        f"All read for {end - begin:.0f} s. Added between deltas: p50 {p50:.0f} ms, worst {added[-1]:.0f} ms; {len(added)} frames."
    )
    ours, relay = growth / options.streams / 1024, theirs / options.streams / 1024
    rows = [
        Row("replies that did not end well", None, options.streams - len(heard), 0, is_ceiling=True),
        Row("added between deltas, p99 ms", None, p99, 150, is_ceiling=True),
        Row("KB a live stream, naive relay", round(relay, 1), ours, 0.7 * relay, is_ceiling=True),
    ]
    return (
        0 if print_rows(f"{options.streams} streams, {1 / options.gap:g} deltas a second each", rows) else 1
    )


async def _ask_in_turn(engine: Engine, conversations: Sequence[Conversation], arrivals: float) -> list[Heard]:
    async def ask(number: int, conversation: Conversation) -> Heard:
        await asyncio.sleep(number / arrivals)
        return await engine.ask(conversation, never_asked(_QUESTION))

    return await asyncio.gather(*(ask(*each) for each in enumerate(conversations)))


def _growth_of(pid: int, run: Callable[[], object]) -> int:
    """Return by how many bytes the process grows at most while it runs: how many streams live when is not known."""
    before = private_bytes_of(pid)
    seen = [before]
    over = threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_SECONDS):
            seen.append(private_bytes_of(pid))

    looker = threading.Thread(target=look)
    looker.start()
    try:
        run()
    finally:
        over.set()
        looker.join()
    return max(seen) - before


if __name__ == "__main__":
    sys.exit(main())
