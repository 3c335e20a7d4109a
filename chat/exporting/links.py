"""Decides who may fetch a file without a login: whoever holds a link that we signed a short while ago."""

import uuid
from datetime import timedelta

from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.utils import timezone

from chat import errors
from chat.exporting import places
from chat.models import Export

LINK_LIFE = timedelta(minutes=15)
_signer = TimestampSigner(salt="chat.exports.download")


def sign(export: Export) -> str:
    """Return the signature of a link to the export's file; it is taken for ``LINK_LIFE``."""
    return _signer.sign(str(export.id)).partition(":")[2]


def opened(export_id: uuid.UUID, signature: str) -> Export:
    """Return the export whose file may be fetched.

    Raises ExportLinkInvalid, ExportLinkExpired, ExportExpired, ExportNotFound.
    """
    try:
        _signer.unsign(f"{export_id}:{signature}", max_age=LINK_LIFE)
    except SignatureExpired as error:
        raise errors.ExportLinkExpired from error
    except BadSignature as error:
        raise errors.ExportLinkInvalid from error
    export = Export.objects.filter(id=export_id, owner__is_active=True).defer("session_ids").first()
    if export is None or export.status not in (Export.Status.DONE, Export.Status.EXPIRED):
        raise errors.ExportNotFound
    is_due = export.expires_at is not None and export.expires_at <= timezone.now()
    if is_due or export.status == Export.Status.EXPIRED or not places.file_of(export).is_file():
        raise errors.ExportExpired
    return export
