"""Decides how live replies reach the database: all of a process together, every quarter of a second."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from uuid import UUID

from django.db import InterfaceError, OperationalError

from chat.services.replies import flush_pieces
from chat.streaming.live import LiveReply
from guoxue.bridge import in_urgent_thread

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.25


class Flusher:
    """Saves the pieces of this process's replies and renews their leases, one statement a round.

    ``on_lost`` is told of a reply whose lease another process has taken, ``on_stop`` of one that is to stop.
    """

    def __init__(
        self,
        live: Mapping[UUID, LiveReply],
        *,
        on_lost: Callable[[LiveReply], None],
        on_stop: Callable[[LiveReply], None],
    ) -> None:
        self._live = live
        self._on_lost = on_lost
        self._on_stop = on_stop
        self._task: asyncio.Task[None] | None = None

    def ensure_running(self) -> None:
        """Start the loop unless it runs; it ends by itself when no reply is live."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._loop(), name="reply-flusher")

    async def _loop(self) -> None:
        while self._live:
            await asyncio.sleep(FLUSH_SECONDS)
            await self._flush()

    async def _flush(self) -> None:
        """Save one round; every round also looks for stop requests that came through another process."""
        replies = [reply for reply in self._live.values() if not reply.ended]
        try:
            await self._save(replies)
        except (OperationalError, InterfaceError):
            # The database is away: reply by reply it would only take longer to find that out.
            logger.exception("flush failed; the next one tries again")
        except Exception:
            # Whatever it was: one reply's trouble must not let the leases of the others run out.
            logger.exception("flush failed; saving reply by reply")
            for reply in replies:
                try:
                    await self._save([reply])
                except Exception:
                    logger.exception("reply %s could not be saved", reply.turn.message_id)

    async def _save(self, replies: list[LiveReply]) -> None:
        pieces = {reply.turn.message_id: reply.unflushed() for reply in replies}
        result = await in_urgent_thread(
            flush_pieces,
            lease_tokens=[reply.turn.lease_token for reply in replies],
            pieces=[piece for group in pieces.values() for piece in group],
        )
        for reply in replies:
            message_id = reply.turn.message_id
            if message_id not in result.kept:
                if not reply.closing:
                    self._on_lost(reply)
                continue
            reply.flushed += len(pieces[message_id])
            if message_id in result.stop_requested and not reply.stopping:
                self._on_stop(reply)
