"""Decides how many replies a model writes at once in this process, and in which order the others wait.

Readers take turns: one who has asked three times waits behind everybody who has asked once.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings

from chat.errors import ServiceSaturated

OnPosition = Callable[[int], None]


@dataclass(eq=False)
class Slot:
    """The right to one stream of a model; given back once."""

    model: str
    _give_back: Callable[[str], None]
    _is_kept: bool = False
    _is_open: bool = True

    def keep(self) -> "Slot":
        """Hold the slot beyond the block that acquired it; whoever keeps it releases it."""
        self._is_kept = True
        return self

    def release(self) -> None:
        """Give the slot to whoever waits for it; only the first call counts."""
        if self._is_open:
            self._is_open = False
            self._give_back(self.model)


@dataclass(eq=False)
class _Waiter:
    granted: asyncio.Future[None]
    on_position: OnPosition
    position: int = 0


@dataclass
class _Line:
    """Who waits for a model: readers in turn, each with the requests of that reader in order."""

    readers: OrderedDict[UUID, deque[_Waiter]] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return sum(map(len, self.readers.values()))

    def join(self, reader_id: UUID, waiter: _Waiter) -> None:
        self.readers.setdefault(reader_id, deque()).append(waiter)

    def leave(self, reader_id: UUID, waiter: _Waiter) -> None:
        own = self.readers.get(reader_id)
        if own is not None and waiter in own:
            own.remove(waiter)
            if not own:
                del self.readers[reader_id]

    def next(self) -> _Waiter | None:
        if not self.readers:
            return None
        reader_id, own = self.readers.popitem(last=False)
        waiter = own.popleft()
        if own:
            self.readers[reader_id] = own
        return waiter

    def tell_positions(self) -> None:
        """Tell those whose place has changed; the first is at 1."""
        position = 0
        for round_number in range(max(map(len, self.readers.values()), default=0)):
            for own in self.readers.values():
                if round_number < len(own):
                    position += 1
                    waiter = own[round_number]
                    if waiter.position != position:
                        waiter.position = position
                        waiter.on_position(position)


class Admission:
    """The slots of one process's event loop."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()
        self._lines: dict[str, _Line] = {}

    @asynccontextmanager
    async def slot(self, model: str, *, reader_id: UUID, on_position: OnPosition) -> AsyncIterator[Slot]:
        """Wait for a slot; it is given back at the end of the block unless it is kept.

        Raises ServiceSaturated where too many wait already, or where it takes too long.
        """
        await self._acquire(model, reader_id, on_position)
        slot = Slot(model, self._give_back)
        try:
            yield slot
        finally:
            if not slot._is_kept:
                slot.release()

    def take(self, model: str) -> Slot:
        """Take a slot at once, beyond the limit if it must be: for what cannot wait any more."""
        self._taken[model] += 1
        return Slot(model, self._give_back)

    async def _acquire(self, model: str, reader_id: UUID, on_position: OnPosition) -> None:
        if self._taken[model] < settings.LLM_MAX_STREAMS:
            self._taken[model] += 1
            return
        line = self._lines.setdefault(model, _Line())
        if len(line) >= settings.LLM_QUEUE_LIMIT:
            raise ServiceSaturated
        waiter = _Waiter(asyncio.get_running_loop().create_future(), on_position)
        line.join(reader_id, waiter)
        line.tell_positions()
        try:
            async with asyncio.timeout(settings.LLM_QUEUE_SECONDS):
                await waiter.granted
        except BaseException as error:
            line.leave(reader_id, waiter)
            line.tell_positions()
            if waiter.granted.done() and not waiter.granted.cancelled():
                # The slot came at the very moment in which the wait ended.
                self._give_back(model)
            if isinstance(error, TimeoutError):
                raise ServiceSaturated from error
            raise

    def _give_back(self, model: str) -> None:
        """Hand a slot on to the next in line, or count it free."""
        line = self._lines.get(model)
        while line is not None and (waiter := line.next()) is not None:
            if not waiter.granted.done():
                waiter.granted.set_result(None)
                line.tell_positions()
                return
        self._taken[model] -= 1
