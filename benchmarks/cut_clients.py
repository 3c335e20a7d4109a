"""Decides whether a client that is cut off again and again misses or repeats a character, over two server processes.

``python -m benchmarks.cut_clients [--clients N] [--cuts N]``
"""

import argparse
import asyncio
import json
import random
import sys
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from websockets.exceptions import ConnectionClosed

from benchmarks.database import own_database
from benchmarks.engine import Conversation, Engine, make_conversations, send
from benchmarks.reporting import Row, argument_parser, print_machine, print_rows
from benchmarks.upstream import distinct_text, scripted_upstream

_DATABASE = "guoxue_bench_cut_clients"
_QUESTION = "何谓学？"
_DELTAS, _GAP = 400, 0.15
# With this the server tells a client that is too slow to connect again.
_RESUME = 4408


@dataclass
class _Client:
    """What one client has heard of its reply so far, over all of its connections."""

    conversation: Conversation
    client_message_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    message_id: str = ""
    pieces: list[str] = field(default_factory=list)
    final: str | None = None
    cuts: int = 0
    gaps: int = 0
    repeats: int = 0


def main() -> int:
    """Cut the clients, compare what they heard with what was said; return 1 if anything is not equal."""
    parser = argument_parser(__doc__)
    parser.add_argument("--clients", type=int, default=100, metavar="N")
    parser.add_argument("--cuts", type=int, default=20, metavar="N", help="of each client")
    options = parser.parse_args()
    with own_database(_DATABASE):
        return _measure(options)


def _measure(options: argparse.Namespace) -> int:
    from billing.audit import audit_ledger
    from chat.models import Message

    print_machine()
    with ExitStack() as stack:
        upstream = stack.enter_context(scripted_upstream(deltas=_DELTAS, gap_seconds=_GAP, is_distinct=True))
        engines = [stack.enter_context(Engine("daphne", upstream)) for _ in range(2)]
        clients = [_Client(each) for each in make_conversations(options.clients)]
        asyncio.run(_listen_all(engines, clients, options.cuts))
    said = distinct_text(_DELTAS)
    cuts = sum(client.cuts for client in clients)
    print(f"{cuts} cuts in all; {sum(len(client.pieces) for client in clients)} deltas heard.")
    unequal = sum(client.final != said or not said.startswith("".join(client.pieces)) for client in clients)
    replies = Message.objects.filter(author=Message.Author.ASSISTANT)
    rows = [
        Row("cuts", None, cuts, options.clients * options.cuts),
        Row("texts that differ", None, unequal, 0, is_ceiling=True),
        Row("gaps", None, sum(client.gaps for client in clients), 0, is_ceiling=True),
        Row("repeats", None, sum(client.repeats for client in clients), 0, is_ceiling=True),
        Row("replies too many", None, replies.count() - len(clients), 0, is_ceiling=True),
        Row(
            "deviations of the ledger",
            None,
            sum(each.deviations for each in audit_ledger()),
            0,
            is_ceiling=True,
        ),
    ]
    return 0 if print_rows(f"{options.clients} clients, {options.cuts} cuts each, two processes", rows) else 1


async def _listen_all(engines: Sequence[Engine], clients: Sequence[_Client], cuts: int) -> None:
    await asyncio.gather(*(_listen(engines, client, cuts) for client in clients))


async def _listen(engines: Sequence[Engine], client: _Client, cuts: int) -> None:
    """Connect anywhere, hear a while, be cut off, and connect again, until the reply has ended."""
    chance = random.Random(client.client_message_id)
    usual = _DELTAS * _GAP / (cuts + 1)
    while client.final is None:
        wait = chance.uniform(0.2, 1.4) * usual if client.cuts < cuts else 60
        socket = await chance.choice(engines).connect(client.conversation)
        try:
            if client.message_id:
                await send(socket, "resume", message_id=client.message_id, last_seq=len(client.pieces))
            else:
                await send(
                    socket, "user_message", message=_QUESTION, client_message_id=client.client_message_id
                )
            async with asyncio.timeout(wait):
                async for text in socket:
                    if _hear(client, json.loads(text)):
                        break
        except TimeoutError:
            if client.cuts == cuts:
                raise SystemExit(f"A reply has not ended: {len(client.pieces)} deltas came of it.") from None
            client.cuts += 1
            # As when the network is gone: nothing is said, nothing more is read.
            socket.transport.abort()
        except ConnectionClosed as closed:
            if closed.rcvd is None or closed.rcvd.code != _RESUME:
                raise SystemExit(f"The server has closed: {closed}") from closed
        else:
            await socket.close()


def _hear(client: _Client, frame: dict[str, dict[str, str | int]]) -> bool:
    """Take a frame; return whether the reply has ended."""
    data = frame["data"]
    match frame["type"]:
        case "accepted":
            client.message_id = str(data["message_id"])
        case "delta":
            ahead = int(data["seq"]) - len(client.pieces) - 1
            client.gaps += ahead > 0
            client.repeats += ahead < 0
            if ahead == 0:
                client.pieces.append(str(data["text"]))
        case "ai_response":
            client.final = str(data["message"])
        case "error":
            raise SystemExit(f"A request was refused: {frame}")
    return client.final is not None


if __name__ == "__main__":
    sys.exit(main())
