"""Decides how the folded texts of messages follow a change of the folding rules."""

import uuid
from dataclasses import dataclass

from django.db import transaction

from chat.models import Message
from chat.models.folded_text import fold_for_search


@dataclass(frozen=True)
class Refolded:
    """How many messages were read and changed, and the last of them; None when there are no more."""

    read: int
    changed: int
    last: uuid.UUID | None


def refold_messages(*, after: uuid.UUID | None, limit: int = 1000) -> Refolded:
    """Fold the next messages anew, in the order of their ids, in one transaction. Locks them."""
    with transaction.atomic(durable=True):
        waiting = Message.objects.filter(id__gt=after) if after else Message.objects.all()
        messages = list(
            waiting.order_by("id").select_for_update(no_key=True).only("id", "text", "folded")[:limit]
        )
        changed = []
        for message in messages:
            folded = fold_for_search(message.text)
            if folded != message.folded:
                message.folded = folded
                changed.append(message)
        Message.objects.bulk_update(changed, ["folded"], batch_size=200)
    return Refolded(len(messages), len(changed), messages[-1].id if messages else None)
