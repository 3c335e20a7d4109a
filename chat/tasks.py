"""Background work of the conversation: files of it are written, and sweeps end what a dead process left behind."""

import logging
import uuid

from celery import shared_task
from kombu.exceptions import OperationalError

from chat.exporting import sweeping, writing
from chat.models import Message
from chat.services.replies import interrupt_abandoned_reply

logger = logging.getLogger(__name__)

SWEEP_BATCH = 200


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
