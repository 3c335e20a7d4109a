"""Decides how an export lives: asked for, written by one worker at a time, done or failed, expired, deleted."""

import uuid
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import User
from chat import errors
from chat.models import Export, Session
from guoxue.errors import ApplicationError

MAX_ATTEMPTS = 3
# The row outlives the file, so that its reader sees what became of it.
ROW_KEPT = timedelta(days=30)
# Workers count the running exports one after another; the number is this application's own in its database.
_CLAIMING = 7_141_971
_ENDED = (Export.Status.FAILED, Export.Status.EXPIRED)


def create_export(*, user: User, format: str, session_ids: Sequence[uuid.UUID] | None) -> Export:
    """Ask for the given sessions, or with None for all, as a file; whoever calls this enqueues it after the commit.

    Sessions without a message are left out; the oldest comes first. Locks the user's row, so that two requests at once
    are counted one after the other. Raises SessionNotFound, NothingToExport, ExportLimitReached, ExportTooLarge.
    """
    with transaction.atomic(durable=True):
        _lock_reader(user)
        _require_room(user)
        wanted = _with_messages(user, session_ids)
        return Export.objects.create(owner=user, format=format, session_ids=wanted, total=len(wanted))


def claim_export(*, export_id: uuid.UUID) -> Export | None:
    """Let this worker write the export; None if it has ended, is being written, or too many others are.

    One that was begun ``MAX_ATTEMPTS`` times without coming to its end has failed.
    """
    with transaction.atomic(durable=True):
        _count_alone()
        export = Export.objects.select_for_update(no_key=True).startable().filter(id=export_id).first()
        if export is None or not _is_room_to_write():
            return None
        if export.attempts >= MAX_ATTEMPTS:
            _fail(Export.objects.filter(id=export.id), errors.ExportInterrupted())
            return None
        export.status, export.beat_at = Export.Status.RUNNING, timezone.now()
        export.attempts += 1
        export.save(update_fields=["status", "beat_at", "attempts"])
    return export


def note_progress(*, export: Export, processed: int) -> bool:
    """Say that the export is being written, and how far it has come; False if it is no longer this worker's."""
    return bool(_owned(export).update(processed=processed, beat_at=Now()))


def finish_export(*, export: Export, size_bytes: int) -> bool:
    """The file is there, until it expires; False if the export is no longer this worker's."""
    now = timezone.now()
    return bool(
        _owned(export).update(
            status=Export.Status.DONE,
            processed=export.total,
            size_bytes=size_bytes,
            finished_at=now,
            expires_at=now + timedelta(hours=settings.EXPORT_KEEP_HOURS),
        )
    )


def fail_export(*, export: Export, error: ApplicationError) -> bool:
    """The file cannot be had, for this reason; False if the export is no longer this worker's."""
    return _fail(_owned(export), error)


def retry_export(*, export_id: uuid.UUID) -> None:
    """Let an export that failed or expired be written anew; whoever calls this enqueues it. Raises ExportNotFound."""
    ended = Export.objects.filter(id=export_id, status__in=_ENDED)
    renewed = ended.update(
        status=Export.Status.QUEUED,
        **{"processed": 0, "attempts": 0, "size_bytes": 0, "error_code": "", "error_message": ""},
        **{"beat_at": None, "finished_at": None, "expires_at": None},
    )
    if not renewed:
        raise errors.ExportNotFound


def delete_export(*, user: User, export_id: uuid.UUID) -> None:
    """Forget an export; its files are the caller's to remove. A worker that writes it stops. Raises ExportNotFound."""
    if not Export.objects.owned_by(user).filter(id=export_id).delete()[0]:
        raise errors.ExportNotFound


def expire_exports() -> int:
    """Give up the files whose time is up, and forget rows that ended long ago; tell how many expired now."""
    expired = Export.objects.out_of_date().update(status=Export.Status.EXPIRED)
    Export.objects.filter(status__in=_ENDED, created_at__lt=Now() - ROW_KEPT).delete()
    return expired


def _lock_reader(user: User) -> None:
    User.objects.select_for_update(no_key=True).get(pk=user.pk)


def _require_room(user: User) -> None:
    own = Export.objects.owned_by(user)
    if own.unfinished().count() >= settings.EXPORT_ACTIVE_LIMIT:
        raise errors.ExportLimitReached
    if own.with_a_file().count() >= settings.EXPORT_KEPT_LIMIT:
        raise errors.ExportLimitReached(f"最多保留 {settings.EXPORT_KEPT_LIMIT} 份导出，请先删除不用的再试。")


def _with_messages(user: User, session_ids: Sequence[uuid.UUID] | None) -> list[uuid.UUID]:
    own = Session.objects.owned_by(user)
    if session_ids is not None:
        own = own.filter(id__in=set(session_ids))
        if own.count() < len(set(session_ids)):
            raise errors.SessionNotFound
    spoken = own.exclude(leaf=None).order_by("created_at", "id")
    wanted = list(spoken.values_list("id", flat=True)[: settings.EXPORT_MAX_SESSIONS + 1])
    if not wanted:
        raise errors.NothingToExport
    if len(wanted) > settings.EXPORT_MAX_SESSIONS:
        raise errors.ExportTooLarge(f"一次最多导出 {settings.EXPORT_MAX_SESSIONS} 个对话，请分几次导出。")
    return wanted


def _count_alone() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CLAIMING])


def _is_room_to_write() -> bool:
    limit: int = settings.EXPORT_PARALLEL
    return Export.objects.being_written().count() < limit


def _owned(export: Export) -> QuerySet[Export]:
    return Export.objects.filter(id=export.id, status=Export.Status.RUNNING, attempts=export.attempts)


def _fail(exports: QuerySet[Export], error: ApplicationError) -> bool:
    return bool(
        exports.update(
            status=Export.Status.FAILED,
            error_code=error.code,
            error_message=error.message,
            finished_at=Now(),
        )
    )
