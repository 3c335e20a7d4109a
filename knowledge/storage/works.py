"""Decides how an outlined work enters the database: what is there stays with its id, the rest is replaced.

Every function is a step inside the caller's transaction, which holds the corpus lock. However large the work is,
there are a few statements for each 10 000 rows.
"""

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from django.db.models import OuterRef, Subquery, Sum
from django.db.models.functions import MD5
from django.utils import timezone

from knowledge.folding import fold
from knowledge.index.indexing import mark_stale
from knowledge.models import Passage, Work
from knowledge.outlining.outline import OutlinePassage, WorkOutline
from knowledge.outlining.terms import fold_names
from knowledge.storage.bulk_rows import ROWS_AT_ONCE, copy_rows, delete_rows, reserve_ids, update_rows
from knowledge.storage.matching import StoredPassage, match_passages

_EMBEDDING, _PASSAGE, _SECTION = "knowledge_embedding", "knowledge_passage", "knowledge_section"
_SECTION_COLUMNS = {
    "id": "int8",
    "work_id": "int8",
    "parent_id": "int8",
    "ordinal": "int4",
    "title": "varchar",
    "path": "varchar",
    "author": "varchar",
    "dynasty": "varchar",
}
_PASSAGE_COLUMNS = {
    "work_id": "int8",
    "section_id": "int8",
    "ordinal": "int4",
    "kind": "varchar",
    "text": "text",
    "translation": "text",
    "continues": "bool",
    "folded": "text",
    "length": "int4",
    "content_hash": "varchar",
    "created_at": "timestamptz",
}
_PLACE_COLUMNS = {
    "id": "int8",
    "section_id": "int8",
    "ordinal": "int4",
    "kind": "varchar",
    "continues": "bool",
}
_FOLDED_COLUMNS = {"id": "int8", "folded": "text", "length": "int4"}
_TRANSLATION_COLUMNS = {"id": "int8", "translation": "text"}


@dataclass(frozen=True)
class Changes:
    """What storing a work did to its passages: moved ones have another place, updated ones say the same text."""

    added: int = 0
    removed: int = 0
    moved: int = 0
    updated: int = 0
    kept: int = 0


def write_work(work: Work, outline: WorkOutline, *, content_hash: str, origin: str) -> Changes:
    """Make the stored work equal to the outline; unchanged passages keep their ids and vectors."""
    stored = list(_read_passages(work)) if work.content_hash else []
    section_ids, obsolete = _write_sections(work, outline)
    changes = _write_passages(work, outline, section_ids, stored)
    delete_rows(_SECTION, "id", obsolete)
    # An operator may have edited the details while the passages were written, or may be about to.
    row = Work.objects.select_for_update(no_key=True).get(pk=work.pk)
    if row.edited_at is None:
        for name, value in asdict(outline.details).items():
            setattr(row, name, list(value) if name == "aliases" else value)
    row.origin, row.content_hash = origin, content_hash
    row.passage_count = len(outline.passages)
    row.character_count = sum(len(passage.folded) for passage in outline.passages)
    row.save()
    return changes


def delete_work(work: Work) -> None:
    """Delete the work with all that belongs to it, without reading it first."""
    delete_rows(_EMBEDDING, "work_id", [work.pk])
    delete_rows(_PASSAGE, "work_id", [work.pk])
    delete_rows(_SECTION, "work_id", [work.pk])
    work.delete()


@dataclass(frozen=True)
class Refolding:
    """What folding some passages anew did: how many there were, how many changed, and the last one's id."""

    passages: int
    refolded: int
    last_id: int | None


def refold_passages(*, after: int) -> Refolding:
    """Fold the next passages by id anew, as after a change of the folding; one that would become empty is left."""
    passages = Passage.objects.filter(pk__gt=after).order_by("pk")
    rows = list(passages.values_list("pk", "work_id", "text", "folded")[:ROWS_AT_ONCE])
    changed = [
        (key, work_id, folded) for key, work_id, text, old in rows if (folded := fold(text)) not in (old, "")
    ]
    update_rows(_PASSAGE, _FOLDED_COLUMNS, [(key, folded, len(folded)) for key, _work, folded in changed])
    if changed:
        mark_stale(key for key, _work, _folded in changed)
    _recount_characters({work_id for _key, work_id, _folded in changed})
    return Refolding(len(rows), len(changed), rows[-1][0] if rows else None)


def _recount_characters(work_ids: set[int]) -> None:
    counted = Passage.objects.filter(work=OuterRef("pk")).values("work").annotate(total=Sum("length"))
    Work.objects.filter(pk__in=work_ids).update(character_count=Subquery(counted.values("total")))


def _read_passages(work: Work) -> Iterator[StoredPassage]:
    """Yield what is stored of the work, in reading order, without its texts."""
    names = {
        key: fold_names((work.title, path, author))
        for key, path, author in work.sections.values_list("pk", "path", "author")
    }
    title = fold_names((work.title,))
    columns = ("pk", "ordinal", "section_id", "kind", "content_hash", MD5("translation"), "continues")
    for row in work.passages.order_by("ordinal").values_list(*columns).iterator(10_000):
        yield StoredPassage._make((*row, names.get(row[2], title)))


def _write_sections(work: Work, outline: WorkOutline) -> tuple[list[int], list[int]]:
    """Store the sections in reading order; return their ids, and the ids of those that are gone."""
    columns = ("pk", "work_id", "parent_id", "ordinal", "title", "path", "author", "dynasty")
    stored = {row[0]: row for row in work.sections.order_by("ordinal").values_list(*columns)}
    reusable: dict[tuple[str, str], deque[int]] = defaultdict(deque)
    for key, _work, _parent, _ordinal, _title, path, author, _dynasty in stored.values():
        reusable[path, author].append(key)
    known = [
        reusable[each.path, each.author].popleft() if reusable[each.path, each.author] else None
        for each in outline.sections
    ]
    fresh = iter(reserve_ids(_SECTION, known.count(None)))
    ids = [next(fresh) if key is None else key for key in known]
    rows = [
        (
            key,
            work.pk,
            None if each.parent is None else ids[each.parent],
            ordinal,
            each.title,
            each.path,
            each.author,
            each.dynasty,
        )
        for ordinal, (key, each) in enumerate(zip(ids, outline.sections, strict=True), 1)
    ]
    copy_rows(_SECTION, _SECTION_COLUMNS, (row for row in rows if row[0] not in stored))
    changed = [row for row in rows if row[0] in stored and row != stored[row[0]]]
    update_rows(_SECTION, _SECTION_COLUMNS, changed)
    return ids, [key for unused in reusable.values() for key in unused]


@dataclass
class _Plan:
    """What has to be done to the passages of a work."""

    added: list[tuple[int, int | None, OutlinePassage]] = field(default_factory=list)
    placed: list[tuple[object, ...]] = field(default_factory=list)
    translated: list[tuple[int, str]] = field(default_factory=list)
    moved: set[int] = field(default_factory=set)
    updated: set[int] = field(default_factory=set)
    without_vector: set[int] = field(default_factory=set)

    def compare(
        self, known: StoredPassage, planned: OutlinePassage, place: tuple[int | None, int, str, bool]
    ) -> None:
        """Note what is to be done to a stored passage; its vector knows its names and the end of the one before."""
        if place != (known.section_id, known.ordinal, known.kind, known.continues):
            self.placed.append((known.id, *place))
        if _digest(planned.translation) != known.translation_digest:
            self.translated.append((known.id, planned.translation))
            self.updated.add(known.id)
        if (planned.kind, planned.continues) != (known.kind, known.continues):
            self.updated.add(known.id)
        if planned.names != known.names:
            self.moved.add(known.id)
        if (planned.names, planned.continues) != (known.names, known.continues):
            self.without_vector.add(known.id)


def _write_passages(
    work: Work, outline: WorkOutline, section_ids: Sequence[int], stored: Sequence[StoredPassage]
) -> Changes:
    """Store the passages and return what changed; the index learns of those that it has wrong now."""
    matches, gone = match_passages(outline.passages, stored)
    plan = _plan(outline, section_ids, stored, matches)
    removed = [passage.id for passage in gone]
    if stale := {*removed, *plan.moved, *(key for key, _translation in plan.translated)}:
        mark_stale(stale)
    delete_rows(_EMBEDDING, "passage_id", [*removed, *plan.without_vector])
    delete_rows(_PASSAGE, "id", removed)
    update_rows(_PASSAGE, _PLACE_COLUMNS, plan.placed)
    update_rows(_PASSAGE, _TRANSLATION_COLUMNS, plan.translated)
    copy_rows(_PASSAGE, _PASSAGE_COLUMNS, _new_rows(work, plan, timezone.now()))
    updated = len(plan.updated - plan.moved)
    kept = len(matches) - len(plan.added) - len(plan.moved) - updated
    return Changes(len(plan.added), len(removed), len(plan.moved), updated, kept)


def _plan(
    outline: WorkOutline,
    section_ids: Sequence[int],
    stored: Sequence[StoredPassage],
    matches: Sequence[StoredPassage | None],
) -> _Plan:
    """Compare each planned passage with the stored one that it is."""
    plan = _Plan()
    hash_before = {passage.ordinal + 1: passage.content_hash for passage in stored}
    before = ""
    for ordinal, (planned, known) in enumerate(zip(outline.passages, matches, strict=True), 1):
        section_id = None if planned.section is None else section_ids[planned.section]
        if known is None:
            plan.added.append((ordinal, section_id, planned))
        else:
            plan.compare(known, planned, (section_id, ordinal, planned.kind, planned.continues))
            if planned.continues and before != hash_before.get(known.ordinal):
                plan.without_vector.add(known.id)
        before = planned.content_hash
    return plan


def _new_rows(work: Work, plan: _Plan, now: datetime) -> Iterator[tuple[object, ...]]:
    for ordinal, section_id, planned in plan.added:
        yield (
            work.pk,
            section_id,
            ordinal,
            planned.kind,
            planned.text,
            planned.translation,
            planned.continues,
            planned.folded,
            len(planned.folded),
            planned.content_hash,
            now,
        )


def _digest(translation: str) -> str:
    """Return the MD5 that PostgreSQL computes of the same text: only to notice a change."""
    return hashlib.md5(translation.encode(), usedforsecurity=False).hexdigest()
