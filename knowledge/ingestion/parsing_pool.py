"""Decides how sources are parsed ahead of the process that stores them: in order, and in bounded memory."""

import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from multiprocessing.connection import Connection
from operator import attrgetter
from typing import Any, TypeAlias

from knowledge.formats import Source
from knowledge.ingestion.parsing import Parsed, ParsedWork, ParseRequest, SourceEnd, parse
from knowledge.ingestion.parsing_worker import begin
from knowledge.outlining.outline import OutlinePassage, OutlineSection, WorkOutline
from knowledge.outlining.records import WorkDetails

_PASSAGES_AT_ONCE = 2_000
_PATIENCE_SECONDS = 5
_LITTLE_BYTES = 16_000_000
_USEFUL_WORKERS = 2
_HAS_DIED = "A parsing process has died; the system may have run out of memory."

Handle: TypeAlias = Callable[[ParseRequest, Parsed], None]


@dataclass(frozen=True)
class _WorkHead:
    """A work on its way through a pipe; its passages follow in slices, as rows."""

    details: WorkDetails
    sections: list[tuple[Any, ...]]
    passage_count: int
    content_hash: str
    record_count: int


@dataclass(frozen=True)
class _Crash:
    """A parsing process met an error that nobody foresaw."""

    trace: str


def parse_all(
    requests: Sequence[ParseRequest],
    handle: Handle,
    *,
    workers: int = 1,
    loaded: frozenset[str] = frozenset(),
) -> None:
    """Parse the sources and hand on what ``parse`` emits of each, source after source in their order.

    With several workers each parses every n-th source in a process of its own and waits at a full pipe: it is
    never more than one work ahead. Raises ``RuntimeError`` where such a process breaks down.
    """
    workers = min(workers, len(requests))
    if workers <= 1:
        for request in requests:
            parse(request, partial(handle, request), loaded=loaded)
        return
    with _start(workers) as connections:
        for number, connection in enumerate(connections):
            _hand_over(connection, requests[number::workers], loaded)
        for number, request in enumerate(requests):
            for item in _receive_source(connections[number % workers]):
                handle(request, item)
                # Before the next work is received, this one may go.
                del item


def suggest_workers(sources: Sequence[Source]) -> int:
    """Return how many processes are worth their start: two keep the one that stores busy, one does for a little."""
    if len(sources) == 1 or sum(source.size_bytes for source in sources) < _LITTLE_BYTES:
        return 1
    return min(_USEFUL_WORKERS, os.cpu_count() or 1)


def parse_for(connection: Connection) -> None:
    """Do a worker's part: receive requests, parse them, send what is emitted until nobody listens any more."""
    try:
        requests, loaded = connection.recv()
    except (ConnectionResetError, EOFError):
        # The process that stores has gone.
        return
    try:
        for request in requests:
            parse(request, partial(_send, connection), loaded=loaded)
    except (BrokenPipeError, ConnectionResetError):
        # It has gone meanwhile.
        return
    except Exception:
        # It is raised again where it can be seen.
        connection.send(_Crash(traceback.format_exc()))


@contextmanager
def _start(workers: int) -> Iterator[list[Connection]]:
    """Start bare processes: they have no database connection and none of this process's threads or locks."""
    context = get_context("spawn")
    processes, connections = [], []
    try:
        for _ in range(workers):
            ours, theirs = context.Pipe()
            process = context.Process(target=begin, args=(theirs, f"{__name__}.parse_for"), daemon=True)
            process.start()
            theirs.close()
            processes.append(process)
            connections.append(ours)
        yield connections
    finally:
        for connection in connections:
            connection.close()
        for process in processes:
            process.join(_PATIENCE_SECONDS)
            process.kill()


def _receive_source(connection: Connection) -> Iterator[Parsed]:
    """Yield what is told of one source, up to its end."""
    while True:
        item = _receive(connection)
        if isinstance(item, _WorkHead):
            yield _receive_work(connection, item)
            continue
        yield item
        if isinstance(item, SourceEnd):
            return


def _hand_over(connection: Connection, requests: Sequence[ParseRequest], loaded: frozenset[str]) -> None:
    try:
        connection.send((requests, loaded))
    except OSError as error:
        raise RuntimeError(_HAS_DIED) from error


def _receive(connection: Connection) -> Any:
    try:
        item = connection.recv()
    except (EOFError, OSError) as error:
        # What dies in the middle of a message leaves an OSError.
        raise RuntimeError(_HAS_DIED) from error
    if isinstance(item, _Crash):
        raise RuntimeError(f"A parsing process has failed:\n{item.trace}")
    return item


def _receive_work(connection: Connection, head: _WorkHead) -> ParsedWork:
    outline = WorkOutline(head.details, [OutlineSection(*row) for row in head.sections])
    while len(outline.passages) < head.passage_count:
        outline.passages += [OutlinePassage(*row) for row in _receive(connection)]
    return ParsedWork(outline, head.content_hash, head.record_count)


# Plain rows travel several times as fast as objects.
_section_row = attrgetter(*OutlineSection.__slots__)
_passage_row = attrgetter(*OutlinePassage.__slots__)


def _send(connection: Connection, item: Parsed) -> None:
    if not isinstance(item, ParsedWork):
        connection.send(item)
        return
    outline, passages = item.outline, item.outline.passages
    sections = list(map(_section_row, outline.sections))
    connection.send(_WorkHead(outline.details, sections, len(passages), item.content_hash, item.record_count))
    for start in range(0, len(passages), _PASSAGES_AT_ONCE):
        connection.send(list(map(_passage_row, passages[start : start + _PASSAGES_AT_ONCE])))
