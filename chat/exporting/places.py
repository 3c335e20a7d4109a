"""Decides where the files of exports stand, who may read them, and when they are gone."""

import logging
import re
import shutil
import uuid
from pathlib import Path

from django.conf import settings

from chat.models import Export

logger = logging.getLogger(__name__)

_OURS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ENDINGS = {Export.Format.MARKDOWN: "md", Export.Format.JSON: "json", Export.Format.PDF: "pdf"}


def file_of(export: Export) -> Path:
    """Return where the finished file of an export stands."""
    return folder_of(export.id) / f"export.{ENDINGS[Export.Format(export.format)]}"


def parts_of(export: Export) -> Path:
    """Return the folder in which the parts of an export are written."""
    return folder_of(export.id) / "parts"


def folder_of(export_id: uuid.UUID) -> Path:
    """Return the folder of everything that is written for an export."""
    return settings.EXPORT_DIR / str(export_id)


def prepare(export: Export) -> None:
    """Make the folders of an export, for our eyes only; or for nginx's, where that hands the files out."""
    mode = 0o755 if settings.EXPORT_ACCEL_PREFIX else 0o700
    for folder in (settings.EXPORT_DIR, folder_of(export.id)):
        folder.mkdir(mode=mode, parents=True, exist_ok=True)
        folder.chmod(mode)
    parts_of(export).mkdir(mode=0o700, exist_ok=True)


def publish(written: Path, export: Export) -> int:
    """Give the finished file its name in one step, remove what it was made of, and return its size."""
    written.chmod(0o644 if settings.EXPORT_ACCEL_PREFIX else 0o600)
    written.replace(file_of(export))
    shutil.rmtree(parts_of(export))
    for left_over in folder_of(export.id).glob("whole-*"):
        left_over.unlink()
    return file_of(export).stat().st_size


def remove(export_id: uuid.UUID) -> None:
    """Remove everything that was written for an export; what a worker still writes is left to the next sweep."""
    try:
        shutil.rmtree(folder_of(export_id))
    except FileNotFoundError:
        return
    except OSError:
        logger.warning("The files of export %s could not be removed yet.", export_id, exc_info=True)


def present() -> list[uuid.UUID]:
    """Return the exports that have a folder; what else stands there is not ours to judge."""
    if not settings.EXPORT_DIR.is_dir():
        return []
    return [
        uuid.UUID(folder.name) for folder in settings.EXPORT_DIR.iterdir() if _OURS.fullmatch(folder.name)
    ]
