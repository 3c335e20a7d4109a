"""Decides whether readers who take nothing of what they asked for cost the others time, or the server memory.

``python -m benchmarks.stalled_readers [--readers N]``; as many read on as do not. A reply is small enough for the
system's own buffers to hold what is not read; that the process keeps nothing of what is larger, and cuts such a client
off, is in chat/tests/test_stopping.py.
"""

import asyncio
import socket
import sys
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from itertools import pairwise

from websockets.asyncio.client import ClientConnection

from benchmarks.database import own_database
from benchmarks.engine import Conversation, Engine, Heard, make_conversations, private_bytes_of, send
from benchmarks.reporting import Row, argument_parser, print_machine, print_rows
from benchmarks.upstream import scripted_upstream

_DATABASE = "guoxue_bench_stalled_readers"
_QUESTION = "何谓学？"
_DELTAS, _GAP = 400, 0.05
_WINDOW_BYTES = 4096


def main() -> int:
    """Listen with and without stalled readers beside; return 1 if a bar is missed."""
    parser = argument_parser(__doc__)
    parser.add_argument("--readers", type=int, default=50, metavar="N")
    options = parser.parse_args()
    with own_database(_DATABASE):
        return _measure(options.readers)


def _measure(readers: int) -> int:
    print_machine()
    with ExitStack() as stack:
        upstream = stack.enter_context(scripted_upstream(deltas=_DELTAS, gap_seconds=_GAP))
        engine = stack.enter_context(Engine("daphne", upstream))
        asyncio.run(engine.ask_all(make_conversations(readers), _QUESTION))
        talking = [make_conversations(readers) for _ in range(3)]
        silent = make_conversations(readers)
        start = private_bytes_of(engine.process.pid)
        twice = asyncio.run(engine.ask_all([*talking[0], *talking[1]], _QUESTION))
        alike = private_bytes_of(engine.process.pid)
        beside, end = asyncio.run(_beside_stalled(engine, talking[2], silent))
    usual, now = _p95(twice), _p95(beside)
    print(
        f"memory grew by {(alike - start) / 2**20:.1f} MB with twice as many who read, "
        f"by {(end - alike) / 2**20:.1f} MB more with the stalled."
    )
    rows = [
        Row(
            "added between deltas of the live ones, p95 ms",
            round(usual, 1),
            now,
            max(2 * usual, usual + 20),
            is_ceiling=True,
        ),
        Row("MB more for the stalled", None, (end - alike) / 2**20, 0.25 * readers, is_ceiling=True),
    ]
    return 0 if print_rows(f"{readers} who read beside {readers} who do not", rows) else 1


async def _beside_stalled(
    engine: Engine, talking: Sequence[Conversation], silent: Sequence[Conversation]
) -> tuple[list[Heard], int]:
    """Return what those who read have heard, and the server's memory while the others still hold their connections."""
    stalled = await asyncio.gather(*(_stall(engine, each) for each in silent))
    heard = await engine.ask_all(talking, _QUESTION)
    held = private_bytes_of(engine.process.pid)
    for connection in stalled:
        connection.transport.abort()
    return heard, held


async def _stall(engine: Engine, conversation: Conversation) -> ClientConnection:
    """Ask, and read nothing: the network holds next to nothing for this client either."""
    small = socket.socket()
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _WINDOW_BYTES)
    small.setblocking(False)
    await asyncio.get_running_loop().sock_connect(small, ("127.0.0.1", engine.port))
    connection = await engine.connect(conversation, sock=small, max_queue=1)
    await send(connection, "user_message", message=_QUESTION, client_message_id=str(uuid.uuid4()))
    connection.transport.pause_reading()
    return connection


def _p95(heard: Sequence[Heard]) -> float:
    added = sorted(
        1000 * (later - earlier - _GAP) for each in heard for earlier, later in pairwise(each.after["delta"])
    )
    return added[int(0.95 * (len(added) - 1))]


if __name__ == "__main__":
    sys.exit(main())
