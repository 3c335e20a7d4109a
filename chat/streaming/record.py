"""Decides how a reply is followed that another process writes, or has written: through its record in the database."""

import asyncio
import logging
from collections.abc import AsyncIterator
from uuid import UUID

from django.db import Error as DatabaseError

from chat import frames
from chat.queries import reply_progress
from chat.services.replies import interrupt_abandoned_reply
from guoxue.bridge import in_thread

logger = logging.getLogger(__name__)

FOLLOW_SECONDS = 0.25
RETRY_SECONDS = 1.0


async def follow_record(message_id: UUID, last_seq: int) -> AsyncIterator[frames.Frame]:
    """Yield notice and sources, chunks after ``last_seq`` and the final frame as they appear; a reply that is gone just ends.

    A database that does not answer is asked again: a viewer must never be left without an end.
    """
    sources_sent = False
    notice_sent = last_seq > 0
    while True:
        try:
            progress = await in_thread(reply_progress, message_id, last_seq)
            if progress is not None and progress.abandoned:
                await in_thread(interrupt_abandoned_reply, message_id=message_id)
        except DatabaseError:
            logger.warning("following reply %s: the database does not answer", message_id, exc_info=True)
            await asyncio.sleep(RETRY_SECONDS)
            continue
        if progress is None:
            return
        if progress.final is not None:
            yield progress.final
            return
        if progress.notice and not notice_sent:
            notice_sent = True
            yield frames.notice(message_id, progress.notice)
        if progress.sources and not sources_sent:
            sources_sent = True
            yield frames.sources(message_id, progress.sources)
        for seq, text in progress.pieces:
            last_seq = seq
            yield frames.delta(message_id, seq, text)
        await asyncio.sleep(FOLLOW_SECONDS)
