"""Decides whether every accepted question comes to an end, however often the serving process is killed.

``python -m benchmarks.killed_processes [--rounds N] [--streams N]``
"""

import argparse
import asyncio
import json
import random
import sys
import threading
import time
import uuid

from websockets.exceptions import ConnectionClosed, InvalidMessage

from benchmarks.database import own_database
from benchmarks.engine import Conversation, Engine, make_conversations, send
from benchmarks.reporting import Row, argument_parser, print_machine, print_rows
from benchmarks.upstream import scripted_upstream

_DATABASE = "guoxue_bench_killed_processes"
_QUESTION = "何谓学？"
_DELTAS, _GAP = 100, 0.05
_LONGEST_LIFE_SECONDS = 7.0
_BAR_SECONDS = 90.0


def main() -> int:
    """Kill, start again, and wait for the ends; return 1 if one is missing or the books do not agree."""
    parser = argument_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=30, metavar="N")
    parser.add_argument("--streams", type=int, default=20, metavar="N", help="of each round")
    options = parser.parse_args()
    with own_database(_DATABASE):
        return _measure(options)


def _measure(options: argparse.Namespace) -> int:
    from billing.audit import audit_ledger
    from billing.models import Hold
    from chat.models import Message

    print_machine()
    chance = random.Random(options.rounds)
    accepted: set[str] = set()
    restarted: dict[str, float] = {}
    over = threading.Event()
    sweep = threading.Thread(target=_sweep, args=(over,))
    sweep.start()
    with scripted_upstream(deltas=_DELTAS, gap_seconds=_GAP) as upstream:
        for _ in range(options.rounds):
            begun: set[str] = set()
            with Engine("daphne", upstream) as engine:
                killer = threading.Timer(chance.uniform(0.3, _LONGEST_LIFE_SECONDS), engine.process.kill)
                conversations = make_conversations(options.streams)
                killer.start()
                asyncio.run(_ask_all(engine, conversations, begun))
                killer.join()
            accepted |= begun
            restarted |= dict.fromkeys(begun, time.time())
        waited = time.time() + _BAR_SECONDS
        while Message.objects.streaming().exists() and time.time() < waited:
            time.sleep(1)
    over.set()
    sweep.join()
    ends = dict(Message.objects.filter(id__in=accepted).values_list("id", "finished_at"))
    late = [
        finished.timestamp() - restarted[str(key)] for key, finished in ends.items() if finished is not None
    ]
    states = dict.fromkeys(Message.Status.values, 0)
    for status in Message.objects.filter(id__in=accepted).values_list("status", flat=True):
        states[status] += 1
    print(
        f"{len(accepted)} accepted: "
        + ", ".join(f"{count} {name}" for name, count in states.items() if count)
    )
    rows = [
        Row(
            "accepted that are not in the database or have no end",
            None,
            len(accepted) - len(late),
            0,
            is_ceiling=True,
        ),
        Row("the last end after the kill, s", None, max(late, default=0.0), _BAR_SECONDS, is_ceiling=True),
        Row(
            "holds that are still held",
            None,
            Hold.objects.filter(status=Hold.Status.HELD).count(),
            0,
            is_ceiling=True,
        ),
        Row(
            "deviations of the ledger",
            None,
            sum(each.deviations for each in audit_ledger()),
            0,
            is_ceiling=True,
        ),
    ]
    return 0 if print_rows(f"{options.rounds} kills with {options.streams} streams each", rows) else 1


def _sweep(over: threading.Event) -> None:
    """Do what the scheduler has done every ten seconds."""
    from django.db import connection

    from chat.tasks import interrupt_abandoned_replies

    while not over.wait(10):
        interrupt_abandoned_replies()
    connection.close()


async def _ask_all(engine: Engine, conversations: list[Conversation], accepted: set[str]) -> None:
    await asyncio.gather(*(_ask(engine, each, accepted) for each in conversations))


async def _ask(engine: Engine, conversation: Conversation, accepted: set[str]) -> None:
    """Ask, and note what was accepted, until the process is gone or the reply has ended."""
    try:
        async with engine.connect(conversation) as socket:
            await send(socket, "user_message", message=_QUESTION, client_message_id=str(uuid.uuid4()))
            async for text in socket:
                frame = json.loads(text)
                if frame["type"] == "accepted":
                    accepted.add(frame["data"]["message_id"])
                elif frame["type"] == "ai_response":
                    return
    except (ConnectionClosed, InvalidMessage, OSError, EOFError, TimeoutError):
        # Killed; perhaps in the middle of a handshake.
        return


if __name__ == "__main__":
    sys.exit(main())
