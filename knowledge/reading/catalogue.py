"""Decides which works the catalogue shows, and how it divides them."""

from dataclasses import dataclass

from django.db.models import Count, F, QuerySet, Window
from django.db.models.functions import RowNumber

from knowledge.folding import fold_characters
from knowledge.models import Category, Work

UNSORTED = "其他"
_DESCRIPTIONS = {
    Category.CLASSICS: "儒家经典",
    Category.HISTORIES: "历代史籍",
    Category.MASTERS: "诸子百家",
    Category.COLLECTIONS: "诗文词曲",
}


@dataclass(frozen=True)
class Division:
    """One of the four divisions (or what belongs to none), its first works and how many it has in all."""

    category: str
    works: tuple[Work, ...]
    total: int

    @property
    def name(self) -> str:
        """What stands above it."""
        return self.category or UNSORTED

    @property
    def description(self) -> str:
        """What it gathers; "" for the unsorted."""
        return _DESCRIPTIONS[Category(self.category)] if self.category else ""


def find_works(*, category: str | None = None, q: str = "") -> QuerySet[Work]:
    """The works that have text: of one category ("" for those without one), with ``q`` in title, alias or author.

    繁 and 简 are the same in ``q``.
    """
    works = Work.objects.filter(passage_count__gt=0)
    if category is not None:
        works = works.filter(category=category)
    wanted = fold_characters(q.strip())
    if not wanted:
        return works
    names = works.values_list("pk", "title", "aliases", "author")
    return works.filter(
        pk__in=[
            pk
            for pk, title, aliases, author in names
            if any(wanted in fold_characters(name) for name in (title, author, *aliases))
        ]
    )


def divide(*, limit: int) -> list[Division]:
    """Every division that has works, in the traditional order, each with its first ``limit`` works."""
    numbered = find_works().annotate(
        place=Window(RowNumber(), partition_by=F("category"), order_by=("title", "edition")),
        total=Window(Count("pk"), partition_by=F("category")),
    )
    works: dict[str, list[Work]] = {}
    for work in numbered.filter(place__lte=limit).order_by("title", "edition"):
        works.setdefault(work.category, []).append(work)
    return [
        Division(category, tuple(works[category]), total=works[category][0].total)  # type: ignore[attr-defined]
        for category in (*Category.values, "")
        if category in works
    ]


def other_editions(work: Work) -> QuerySet[Work]:
    """The other works of the same title that have text."""
    return find_works().filter(title=work.title).exclude(pk=work.pk).order_by("edition")
