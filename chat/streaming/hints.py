"""Decides how viewers learn of what is new in their session, in this process and in the others.

New are a reply that begins, a title, suggestions. A hint may be lost: Redis carries it, and a viewer that misses it
finds what is new when it next reads the session.
"""

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from uuid import UUID, uuid4
from weakref import WeakKeyDictionary

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from chat import frames

logger = logging.getLogger(__name__)

GROUP = "replies"
RETRY_SECONDS = 2.0
SEND_SECONDS = 5.0
# Group membership expires in the channel layer after a day, and is gone when Redis is flushed: we join again and again.
REJOIN_SECONDS = 60.0
# So many wait at most for a channel layer that is slow; then the oldest is lost.
MAX_WAITING = 1000
Listener = Callable[[frames.Frame], None]


class HintBoard:
    """Tells this process's viewers of a session about the frames that are published for it, wherever that happens."""

    def __init__(self) -> None:
        self._listeners: defaultdict[UUID, set[Listener]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self._waiting: deque[tuple[UUID, frames.Frame]] = deque(maxlen=MAX_WAITING)
        self._sender: asyncio.Task[None] | None = None
        self._origin = uuid4().hex

    def listen(self, session_id: UUID, listener: Listener) -> None:
        """Call ``listener`` for every frame that is published for the session from now on."""
        self._listeners[session_id].add(listener)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._receive_forever(), name="reply-hints")

    def forget(self, session_id: UUID, listener: Listener) -> None:
        """Stop calling ``listener``."""
        self._listeners[session_id].discard(listener)
        if not self._listeners[session_id]:
            del self._listeners[session_id]

    def publish(self, session_id: UUID, frame: frames.Frame) -> None:
        """Tell the viewers here at once, and those of other processes through the channel layer."""
        self._tell(session_id, frame)
        self._waiting.append((session_id, frame))
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send_all(), name="reply-hints-out")

    def _tell(self, session_id: UUID, frame: frames.Frame) -> None:
        for listener in tuple(self._listeners.get(session_id, ())):
            listener(frame)

    async def _send_all(self) -> None:
        """Send what waits, all of it at once: a hundred replies may begin in one instant."""
        while self._waiting:
            hints = list(self._waiting)
            self._waiting.clear()
            await _send_hints(hints, self._origin)

    async def _receive_forever(self) -> None:
        while True:
            try:
                await self._receive()
            except (RedisError, OSError) as error:
                logger.warning("hints interrupted: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                logger.exception("hints failed")
                await asyncio.sleep(RETRY_SECONDS)

    async def _receive(self) -> None:
        layer = get_channel_layer()
        clock = asyncio.get_running_loop().time
        channel = await layer.new_channel()
        joined_at = -REJOIN_SECONDS
        while True:
            if clock() - joined_at >= REJOIN_SECONDS:
                await layer.group_add(GROUP, channel)
                joined_at = clock()
            try:
                async with asyncio.timeout(REJOIN_SECONDS):
                    hint = await layer.receive(channel)
            except TimeoutError:
                continue
            if hint["origin"] != self._origin:
                for session_id, frame in hint["frames"]:
                    self._tell(UUID(session_id), frame)


def publish_from_task(session_id: UUID, frame: frames.Frame) -> None:
    """Tell the viewers in all web processes; for background work, which has none of its own and no event loop."""
    async_to_sync(_send_hints)([(session_id, frame)], "")


async def _send_hints(hints: Sequence[tuple[UUID, frames.Frame]], origin: str) -> None:
    told = [(str(session_id), frame) for session_id, frame in hints]
    try:
        async with asyncio.timeout(SEND_SECONDS):
            await get_channel_layer().group_send(GROUP, {"type": "hint", "origin": origin, "frames": told})
    except (RedisError, OSError, TimeoutError) as error:
        logger.warning("%d hints not sent: %s", len(told), error)


_boards: WeakKeyDictionary[asyncio.AbstractEventLoop, HintBoard] = WeakKeyDictionary()


def get_board() -> HintBoard:
    """Return the hint board of this process's event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _boards:
        _boards[loop] = HintBoard()
    return _boards[loop]
