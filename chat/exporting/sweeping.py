"""Decides what is cleared away of exports, and which of them are to be begun, whoever forgot about them."""

import logging
import uuid

from django.conf import settings

from chat.exporting import places
from chat.models import Export
from chat.services.exports import expire_exports

logger = logging.getLogger(__name__)


def clear_away() -> None:
    """Let exports expire, and remove the files of those that expired, failed, or were deleted with their owner."""
    expired = expire_exports()
    if expired:
        logger.info("%d exports have expired.", expired)
    there = places.present()
    kept = set(Export.objects.with_a_file().filter(id__in=there).values_list("id", flat=True))
    for export_id in there:
        if export_id not in kept:
            places.remove(export_id)


def to_begin() -> list[uuid.UUID]:
    """Return the exports that may be begun now: so many that no more are written at once than may be."""
    free = settings.EXPORT_PARALLEL - Export.objects.being_written().count()
    return list(Export.objects.startable().values_list("id", flat=True)[: max(0, free)])
