"""Decides how an outlined work enters the database: what is there stays with its id, the rest is replaced.

Every function is a step inside the caller's transaction, which holds the corpus lock.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from django.db import connection
from django.utils import timezone

from knowledge.models import Embedding, Passage, Section, Work
from knowledge.outline import OutlinePassage, WorkOutline
from knowledge.terms import fold_names, terms_vector, text_terms

_CORPUS_LOCK = 7_141_951
BATCH_SIZE = 1000


@dataclass(frozen=True)
class Changes:
    """What storing a work did to its passages."""

    added: int = 0
    removed: int = 0
    moved: int = 0
    kept: int = 0


def lock_corpus() -> None:
    """Let one transaction at a time write the corpus: term counts never deadlock. Released at its end."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CORPUS_LOCK])


def write_work(work: Work, outline: WorkOutline, *, origin: str) -> Changes:
    """Make the stored work equal to the outline; unchanged passages keep their ids and vectors."""
    old = list(work.passages.select_related("section").defer("terms", "text"))
    sections, obsolete = _write_sections(work, outline)
    changes, terms = _write_passages(work, outline, sections, old)
    Section.objects.filter(pk__in=obsolete).delete()
    count_terms(terms)
    if work.edited_at is None:
        _write_details(work, outline)
    work.origin, work.content_hash = origin, outline.content_hash
    work.passage_count = len(outline.passages)
    work.character_count = sum(len(passage.folded) for passage in outline.passages)
    work.save()
    return changes


def count_terms(changes: Counter[str]) -> None:
    """Add the changes to the number of passages in which each term occurs."""
    fewer = {term: -count for term, count in sorted(changes.items()) if count < 0}
    more = {term: count for term, count in sorted(changes.items()) if count > 0}
    with connection.cursor() as cursor:
        if fewer:
            cursor.execute(_COUNT_FEWER, [list(fewer), list(fewer.values())])
            cursor.execute(_FORGET_UNUSED, [list(fewer)])
        if more:
            cursor.execute(_COUNT_MORE, [list(more), list(more.values())])


_COUNT_MORE = """
    INSERT INTO knowledge_termfrequency (term, passages)
    SELECT * FROM unnest(%s::text[], %s::int[])
    ON CONFLICT (term) DO UPDATE SET passages = knowledge_termfrequency.passages + EXCLUDED.passages
"""
_COUNT_FEWER = """
    UPDATE knowledge_termfrequency AS stored SET passages = greatest(0, stored.passages - fewer.passages)
    FROM unnest(%s::text[], %s::int[]) AS fewer (term, passages) WHERE stored.term = fewer.term
"""
_FORGET_UNUSED = "DELETE FROM knowledge_termfrequency WHERE term = ANY(%s) AND passages = 0"


def passage_terms(passages: Iterable[Passage]) -> Counter[str]:
    """Count in how many of the stored passages each term occurs."""
    terms: Counter[str] = Counter()
    for passage in passages:
        terms.update(set(text_terms(passage.folded, fold_names(passage.place))))
    return terms


def _write_details(work: Work, outline: WorkOutline) -> None:
    for name, value in asdict(outline.details).items():
        setattr(work, name, list(value) if name == "aliases" else value)


def _write_sections(work: Work, outline: WorkOutline) -> tuple[list[Section], list[int]]:
    """Store the sections in reading order; return them, and the ids of those that are gone."""
    reusable: dict[tuple[str, str], deque[Section]] = defaultdict(deque)
    for section in work.sections.order_by("ordinal"):
        reusable[(section.path, section.author)].append(section)
    sections: list[Section] = []
    levels: list[list[int]] = []
    depths: list[int] = []
    for index, planned in enumerate(outline.sections):
        known = reusable[(planned.path, planned.author)]
        section = known.popleft() if known else Section(work=work)
        section.ordinal, section.title, section.path = index + 1, planned.title, planned.path
        section.author, section.dynasty = planned.author, planned.dynasty
        sections.append(section)
        depths.append(0 if planned.parent is None else depths[planned.parent] + 1)
        levels += [[]] if depths[index] == len(levels) else []
        levels[depths[index]].append(index)
    for level in levels:
        _save_level(level, sections, outline)
    return sections, [section.pk for unused in reusable.values() for section in unused]


def _save_level(level: list[int], sections: list[Section], outline: WorkOutline) -> None:
    """Store the sections of one depth; those above them have their ids already."""
    for index in level:
        parent = outline.sections[index].parent
        sections[index].parent = None if parent is None else sections[parent]
    fresh = [sections[index] for index in level if sections[index].pk is None]
    known = [sections[index] for index in level if sections[index].pk is not None]
    Section.objects.bulk_create(fresh, batch_size=BATCH_SIZE)
    Section.objects.bulk_update(known, ["ordinal", "title", "dynasty", "parent"], batch_size=BATCH_SIZE)


def _write_passages(
    work: Work, outline: WorkOutline, sections: list[Section], old: list[Passage]
) -> tuple[Changes, Counter[str]]:
    """Store the passages; return what changed, and by how much the count of each term changed."""
    reusable: dict[tuple[str, str], deque[Passage]] = defaultdict(deque)
    for passage in sorted(old, key=lambda passage: passage.ordinal):
        reusable[(passage.content_hash, passage.kind)].append(passage)
    added: list[Passage] = []
    renumbered: list[Passage] = []
    moved: list[tuple[Passage, OutlinePassage]] = []
    terms: Counter[str] = Counter()
    for ordinal, planned in enumerate(outline.passages, 1):
        section = None if planned.section is None else sections[planned.section]
        known = reusable[(planned.content_hash, planned.kind)]
        if not known:
            added.append(_new_passage(work, section, ordinal, planned))
            terms.update(set(text_terms(planned.folded, planned.names)))
            continue
        passage = known.popleft()
        if fold_names(passage.place) != planned.names:
            terms.subtract(set(text_terms(passage.folded, fold_names(passage.place))))
            terms.update(set(text_terms(planned.folded, planned.names)))
            moved.append((passage, planned))
        if passage.ordinal != ordinal or passage.section_id != (section.pk if section else None):
            passage.ordinal, passage.section = ordinal, section
            renumbered.append(passage)
    gone = [passage for passages in reusable.values() for passage in passages]
    terms.subtract(passage_terms(gone))
    _save_passages(added, renumbered, moved, gone)
    kept = len(outline.passages) - len(added) - len(moved)
    return Changes(added=len(added), removed=len(gone), moved=len(moved), kept=kept), terms


def _new_passage(work: Work, section: Section | None, ordinal: int, planned: OutlinePassage) -> Passage:
    return Passage(
        work=work,
        section=section,
        ordinal=ordinal,
        kind=planned.kind,
        text=planned.text,
        folded=planned.folded,
        length=len(planned.folded),
        content_hash=planned.content_hash,
        terms=terms_vector(planned.folded, planned.names),
        created_at=timezone.now(),
    )


def _save_passages(
    added: list[Passage],
    renumbered: list[Passage],
    moved: list[tuple[Passage, OutlinePassage]],
    gone: list[Passage],
) -> None:
    """Save what changed; a moved passage is indexed anew and loses its vector, which knew the old place."""
    Passage.objects.filter(pk__in=[passage.pk for passage in gone]).delete()
    Passage.objects.bulk_update(renumbered, ["ordinal", "section"], batch_size=BATCH_SIZE)
    for passage, planned in moved:
        passage.terms = terms_vector(planned.folded, planned.names)
    Passage.objects.bulk_update([passage for passage, _ in moved], ["terms"], batch_size=BATCH_SIZE)
    Embedding.objects.filter(passage__in=[passage.pk for passage, _ in moved]).delete()
    Passage.objects.bulk_create(added, batch_size=BATCH_SIZE)
