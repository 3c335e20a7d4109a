"""Background work of the conversation: the sweep that ends what a dead process left behind."""

from celery import shared_task

from chat.models import Message
from chat.services import interrupt_abandoned_reply

SWEEP_BATCH = 200


@shared_task
def interrupt_abandoned_replies() -> int:
    """End every reply whose lease has run out; return how many were ended."""
    abandoned = Message.objects.abandoned().order_by("lease_expires_at").values_list("id", flat=True)
    return sum(interrupt_abandoned_reply(message_id=message_id) for message_id in abandoned[:SWEEP_BATCH])
