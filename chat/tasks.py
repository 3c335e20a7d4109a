"""Background work of the conversation: the sweep that ends what a dead process left behind."""

import logging

from celery import shared_task

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
