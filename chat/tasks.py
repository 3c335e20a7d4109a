"""Background work of the conversation: what is left to do after a reply, exports, and the sweeps that take up what was left."""

import logging
import uuid
from datetime import timedelta

from celery import shared_task
from django.db.models.functions import Now
from kombu.exceptions import OperationalError

from chat.aftercare import look_after
from chat.exporting import sweeping, writing
from chat.models import Aftercare, Message
from chat.services.replies import interrupt_abandoned_reply
from chat.streaming.hints import publish_from_task

logger = logging.getLogger(__name__)

SWEEP_BATCH = 200
# Before this time a reply's own task is still on its way.
_GRACE = timedelta(seconds=15)
_SWEEP_SECONDS = 30


@shared_task
def interrupt_abandoned_replies() -> int:
    """End every reply whose lease has run out; return how many were ended."""
    ended = 0
    abandoned = Message.objects.abandoned().order_by("lease_expires_at").values_list("id", flat=True)
    for message_id in abandoned[:SWEEP_BATCH]:
        try:
            ended += interrupt_abandoned_reply(message_id=message_id)
        except Exception:
            # One reply that cannot be ended must not keep the others waiting.
            logger.exception("reply %s could not be ended", message_id)
    return ended


@shared_task
def run_export(export_id: str) -> None:
    """Write an export, then have those written that waited for their turn."""
    try:
        writing.run_export(export_id=uuid.UUID(export_id))
    finally:
        _begin_exports()


@shared_task
def sweep_exports() -> None:
    """Remove the files whose time is up; begin the exports whose task was lost or whose worker was killed."""
    sweeping.clear_away()
    _begin_exports()


def enqueue_export(export_id: uuid.UUID) -> None:
    """Hand an export to the queue; while that is down, the export waits for the sweep."""
    try:
        run_export.delay(str(export_id))
    except OperationalError:
        logger.warning("Export %s waits: the queue is down.", export_id, exc_info=True)


def _begin_exports() -> None:
    for export_id in sweeping.to_begin():
        enqueue_export(export_id)


@shared_task
def after_reply(message_id: str) -> None:
    """Find title and suggestions for a reply that has ended, tell its viewers, and summarise what they go on from."""
    for session_id, frame in look_after(uuid.UUID(message_id)):
        publish_from_task(session_id, frame)


@shared_task
def sweep_aftercare() -> int:
    """Enqueue what was left to do after replies: the queue had lost it, a worker died, or it failed; return how many."""
    left = Aftercare.objects.filter(due_at__lte=Now() - _GRACE).order_by("due_at")
    reply_ids = list(left.values_list("reply_id", flat=True)[:SWEEP_BATCH])
    for reply_id in reply_ids:
        # The next sweep comes again for what no worker has begun by then.
        after_reply.apply_async((str(reply_id),), expires=_SWEEP_SECONDS)
    return len(reply_ids)
