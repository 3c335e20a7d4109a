"""Decides whether the conversation goes on, with nothing lost, while Redis is away and after it has forgotten everything.

``python -m benchmarks.redis_away [--readers N] [--away SECONDS]``; Redis is reached through a door that we close. The
database that REDIS_URL names is emptied, with all that anybody else keeps there.
"""

import argparse
import asyncio
import os
import sys
import time
from collections import Counter
from contextlib import ExitStack
from urllib.parse import urlsplit, urlunsplit

from redis.asyncio import Redis

from benchmarks.database import own_database
from benchmarks.engine import Conversation, Engine, make_conversations
from benchmarks.reporting import Row, argument_parser, print_machine, print_rows
from benchmarks.servers import free_port
from benchmarks.upstream import distinct_text, scripted_upstream

_DATABASE = "guoxue_bench_redis_away"
_QUESTION = "何谓学？"
_DELTAS, _GAP = 60, 0.05
_BESIDE_SECONDS = 15.0


class _Door:
    """A port that passes bytes on to Redis, while it is open."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.port = free_port()
        self.url = urlunsplit(parts._replace(netloc=f":{parts.password or ''}@127.0.0.1:{self.port}"))
        self._target = (parts.hostname or "127.0.0.1", parts.port or 6379)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection(*self._target)
        self._writers |= {writer, there_writer}
        await asyncio.gather(_pass_on(reader, there_writer), _pass_on(there_reader, writer))
        self._writers -= {writer, there_writer}


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
    except OSError:
        # The door was closed.
        return
    finally:
        writer.close()


def main() -> int:
    """Ask without a pause through all phases; return 1 if an answer is missing or the books do not agree."""
    parser = argument_parser(__doc__)
    parser.add_argument("--readers", type=int, default=20, metavar="N", help="who ask at the same time")
    parser.add_argument("--away", type=float, default=60.0, metavar="SECONDS")
    options = parser.parse_args()
    with own_database(_DATABASE):
        return _measure(options)


def _measure(options: argparse.Namespace) -> int:
    from billing.audit import audit_ledger
    from chat.models import Message

    print_machine()
    # A reader asks every four seconds or so.
    turns = int((options.away + 2 * _BESIDE_SECONDS) / 2)
    conversations = [make_conversations(turns) for _ in range(options.readers)]
    answered = asyncio.run(_run(options.away, conversations))
    said = distinct_text(_DELTAS)
    replies = Message.objects.filter(author=Message.Author.ASSISTANT)
    print("answers begun " + ", ".join(f"{count} {phase}" for phase, count in answered.items()))
    rows = [
        Row("answers begun while Redis was away", None, answered["while it was away"], 1),
        Row(
            "replies that are not whole",
            None,
            replies.exclude(status="completed", text=said).count(),
            0,
            is_ceiling=True,
        ),
        Row("replies nobody heard", None, replies.count() - sum(answered.values()), 0, is_ceiling=True),
        Row(
            "deviations of the ledger",
            None,
            sum(each.deviations for each in audit_ledger()),
            0,
            is_ceiling=True,
        ),
    ]
    return 0 if print_rows(f"{options.readers} readers, Redis away for {options.away:g} s", rows) else 1


async def _run(away_seconds: float, conversations: list[list[Conversation]]) -> Counter[str]:
    url = os.environ["REDIS_URL"]
    door = _Door(url)
    await door.open()
    answered: Counter[str] = Counter()
    with ExitStack() as stack:
        engine = await asyncio.to_thread(_start, stack, door.url)
        phase = ["before"]
        over = asyncio.Event()
        readers = [
            asyncio.create_task(_ask_on(engine, each, phase, answered, over)) for each in conversations
        ]
        await asyncio.sleep(_BESIDE_SECONDS)
        phase[0] = "while it was away"
        await door.close()
        redis = Redis.from_url(url)
        await redis.flushdb()
        await redis.aclose()
        await asyncio.sleep(away_seconds)
        await door.open()
        phase[0] = "after"
        await asyncio.sleep(_BESIDE_SECONDS)
        over.set()
        await asyncio.gather(*readers)
        await door.close()
        await asyncio.to_thread(stack.close)
    return answered


def _start(stack: ExitStack, redis_url: str) -> Engine:
    upstream = stack.enter_context(scripted_upstream(deltas=_DELTAS, gap_seconds=_GAP, is_distinct=True))
    return stack.enter_context(Engine("daphne", upstream, REDIS_URL=redis_url))


async def _ask_on(
    engine: Engine,
    conversations: list[Conversation],
    phase: list[str],
    answered: Counter[str],
    over: asyncio.Event,
) -> None:
    for conversation in conversations:
        if over.is_set():
            return
        begun, started = phase[0], time.monotonic()
        await engine.ask(conversation, _QUESTION)
        answered[begun] += 1
        if time.monotonic() - started > 30:
            raise SystemExit(f"An answer took {time.monotonic() - started:.0f} s ({begun}).")


if __name__ == "__main__":
    sys.exit(main())
