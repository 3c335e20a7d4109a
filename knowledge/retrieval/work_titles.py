"""Decides what a process remembers of the works' names and categories, and when it reads them again."""

import threading
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Max

from knowledge.folding import fold
from knowledge.models import Work


@dataclass(frozen=True)
class ListedWork:
    """A work as searches need it; ``names`` are its title and aliases as written, ``folded`` the same folded."""

    work_id: int
    category: str
    names: tuple[str, ...]
    folded: tuple[str, ...]


@dataclass(frozen=True)
class _Listing:
    version: tuple[int, datetime | None, int] = (0, None, 0)
    works: tuple[ListedWork, ...] = field(default=())


def list_works() -> tuple[ListedWork, ...]:
    """Return all works; they are read again when one has been added, changed or removed."""
    global _latest
    version = Work.objects.aggregate(count=Count("pk"), changed=Max("updated_at"), last=Max("pk"))
    key = (version["count"], version["changed"], version["last"] or 0)
    with _lock:
        if _latest.version == key:
            return _latest.works
    rows = Work.objects.values_list("pk", "category", "title", "aliases")
    works = tuple(_listed(pk, category, (title, *aliases)) for pk, category, title, aliases in rows)
    with _lock:
        _latest = _Listing(key, works)
    return works


def _listed(work_id: int, category: str, names: tuple[str, ...]) -> ListedWork:
    return ListedWork(work_id, category, names, tuple(filter(None, map(fold, names))))


_lock = threading.Lock()
_latest = _Listing()
