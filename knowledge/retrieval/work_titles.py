"""Decides what a process remembers of the works' names and categories, and when it reads them again."""

import threading
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from knowledge.folding import fold
from knowledge.models import Work


@dataclass(frozen=True)
class WorksVersion:
    """What tells that a work was added, changed or removed; ``passages`` is how many all works have."""

    works: int = 0
    passages: int = 0
    last_id: int = 0
    changed_at: datetime | None = None


@dataclass(frozen=True)
class ListedWork:
    """A work as searches need it; ``folded`` are its title and aliases, folded."""

    work_id: int
    category: str
    folded: tuple[str, ...]


@dataclass(frozen=True)
class _Listing:
    version: WorksVersion = WorksVersion()
    works: tuple[ListedWork, ...] = ()


def read_version() -> WorksVersion:
    """Return the version of the works as they are now."""
    with connection.cursor() as cursor:
        cursor.execute(_VERSION)
        return WorksVersion(*cursor.fetchone())


# Every search asks this; the ORM would take longer to write the statement than PostgreSQL to answer it.
_VERSION = """
    SELECT count(*), coalesce(sum(passage_count), 0), coalesce(max(id), 0), max(updated_at) FROM knowledge_work
"""


def list_works() -> tuple[ListedWork, ...]:
    """Return all works; they are read again when one has been added, changed or removed."""
    global _latest
    version = read_version()
    with _lock:
        if _latest.version == version:
            return _latest.works
    rows = Work.objects.values_list("pk", "category", "title", "aliases")
    works = tuple(_listed(pk, category, (title, *aliases)) for pk, category, title, aliases in rows)
    with _lock:
        _latest = _Listing(version, works)
    return works


def _listed(work_id: int, category: str, names: tuple[str, ...]) -> ListedWork:
    return ListedWork(work_id, category, tuple(filter(None, map(fold, names))))


_lock = threading.Lock()
_latest = _Listing()
