"""Decides how an export comes to be written: part by part, so that a killed worker's successor goes on where it was."""

import logging
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from chat import errors
from chat.exporting import places
from chat.exporting.forms import Cover, Form
from chat.exporting.json_form import JsonForm
from chat.exporting.markdown_form import MarkdownForm
from chat.exporting.reading import Conversation, conversation
from chat.models import Export
from chat.services.exports import claim_export, fail_export, finish_export, note_progress
from guoxue.errors import ApplicationError

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_BEATS = 0.5


class _NotOurs(Exception):
    """The export was deleted, or another worker has it."""


def run_export(*, export_id: uuid.UUID) -> None:
    """Write an export that waits; one that has ended, or that another worker has, is left alone.

    What fails for a reason that we know is said to the reader; the unknown goes on to the worker's log as well.
    """
    export = claim_export(export_id=export_id)
    if export is None:
        return
    logger.info(
        "Export %s: %s of %d sessions, attempt %d.", export.id, export.format, export.total, export.attempts
    )
    try:
        size_bytes = _write(export)
        if not finish_export(export=export, size_bytes=size_bytes):
            raise _NotOurs
    except _NotOurs:
        _leave(export)
    except ApplicationError as error:
        _give_up(export, error)
    except OSError:
        _give_up(export, errors.ExportStorageFailed())
    except Exception:
        _give_up(export, errors.ExportFailed())
        raise
    else:
        logger.info("Export %s is done: %d bytes.", export.id, size_bytes)


def _write(export: Export) -> int:
    """Write the parts that are missing, put them together, and return the size of the file."""
    places.prepare(export)
    form, cover, beat = _form_of(export), Cover.of(export), _Pulse(export)
    parts, begun = _written(export)
    while begun < export.total:
        beat.processed = begun
        conversations = _Conversations(export, begun, beat)
        fresh = places.parts_of(export) / f"writing-{export.attempts}"
        form.write_part(fresh, conversations, parts, cover, beat)
        beat.insist()
        parts.append(fresh.rename(places.parts_of(export) / f"{begun:06d}-{conversations.index:06d}"))
        begun = conversations.index
        if sum(part.stat().st_size for part in parts) > settings.EXPORT_MAX_BYTES:
            raise errors.ExportTooLarge
    whole = places.folder_of(export.id) / f"whole-{export.attempts}"
    form.assemble(parts, whole, cover)
    beat.insist()
    return places.publish(whole, export)


def _written(export: Export) -> tuple[list[Path], int]:
    """Return the parts that an earlier attempt has left, without a gap, and how many sessions are in them."""
    by_start: dict[int, tuple[int, Path]] = {}
    for path in sorted(places.parts_of(export).glob("??????-??????")):
        start, _, end = path.name.partition("-")
        by_start[int(start)] = (int(end), path)
    parts, begun = [], 0
    while begun in by_start:
        begun, path = by_start[begun]
        parts.append(path)
    return parts, begun


class _Conversations:
    """Reads the sessions of an export one after another, as they are asked for; deleted ones are passed over."""

    def __init__(self, export: Export, begun: int, beat: "_Pulse") -> None:
        self.index = begun
        self._export = export
        self._beat = beat

    def __iter__(self) -> Iterator[Conversation]:
        while self.index < self._export.total:
            self._beat.processed = self.index
            self._beat()
            session_id = self._export.session_ids[self.index]
            self.index += 1
            found = conversation(self._export.owner_id, session_id)
            if found is not None:
                yield found


class _Pulse:
    """Says that the export is being written, at most twice a second. Raises _NotOurs once nobody wants it."""

    def __init__(self, export: Export) -> None:
        self.processed = 0
        self._export = export
        self._next = 0.0

    def __call__(self) -> None:
        if time.monotonic() >= self._next:
            self.insist()

    def insist(self) -> None:
        """Say so now."""
        self._next = time.monotonic() + _SECONDS_BETWEEN_BEATS
        if not note_progress(export=self._export, processed=self.processed):
            raise _NotOurs


def _give_up(export: Export, error: ApplicationError) -> None:
    """Tell the reader why there is no file; called where an exception is handled."""
    if not fail_export(export=export, error=error):
        return _leave(export)
    logger.warning("Export %s failed: %s", export.id, error.code, exc_info=True)
    places.remove(export.id)


def _leave(export: Export) -> None:
    """Clear up after an export that was deleted meanwhile; where another worker has it, the files are that one's."""
    logger.info("Export %s is no longer ours.", export.id)
    if not Export.objects.filter(id=export.id).exists():
        places.remove(export.id)


def _form_of(export: Export) -> Form:
    match export.format:
        case Export.Format.MARKDOWN:
            return MarkdownForm()
        case Export.Format.JSON:
            return JsonForm()
    # Its library is of no use to all the processes that write no PDF.
    from chat.exporting.pdf_form import PdfForm

    return PdfForm()
