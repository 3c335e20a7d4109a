"""Decides what is wrong with the works of the corpus: the faults of each text, and those that only several show."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from knowledge.linting.lint_rules import TOO_LONG_CHARACTERS, TOO_SHORT_CHARACTERS, Finding
from knowledge.linting.section_numbers import SectionNumber, number_of
from knowledge.linting.text_faults import OpenMarks, excerpt, find_faults, find_garbling, script_of
from knowledge.models import Passage, Work

# Shorter texts come again of themselves: refrains, datings, 子曰.
DUPLICATE_CHARACTERS = 12
_ROWS_AT_ONCE = 2000


def lint_works(works: QuerySet[Work]) -> Iterator[Finding]:
    """Yield what is wrong with each work by itself; its passages are streamed once, in reading order."""
    for work in works.order_by("title", "edition"):
        sections = list(work.sections.order_by("ordinal").values_list("pk", "parent_id", "title", "path"))
        parents = {pk: parent for pk, parent, _title, _path in sections}
        yield from _lint_sections(work, sections, parents)
        reader = _WorkReader(work, parents)
        passages = work.passages.select_related("section").order_by("ordinal")
        for passage in passages.iterator(_ROWS_AT_ONCE):
            yield from reader.read(passage)
        yield from reader.close()


def lint_twins(works: QuerySet[Work]) -> Iterator[Finding]:
    """Yield the passages that another work has too, one for each text; PostgreSQL does the sorting."""
    parameters: dict[str, Any] = {
        "works": list(works.values_list("pk", flat=True)),
        "least": DUPLICATE_CHARACTERS,
    }
    with connection.chunked_cursor() as cursor:
        cursor.execute(_TWINS, parameters)
        while rows := cursor.fetchmany(_ROWS_AT_ONCE):
            for passage_id, title, section, text, titles in rows:
                where = "".join(f"《{other}》" for other in titles if other != title or len(titles) == 1)
                yield Finding(
                    "duplicate_elsewhere",
                    f"《{title}》",
                    section,
                    passage_id,
                    excerpt=f"{excerpt(text, 0)}｜{where}",
                )


_TWINS = """
    SELECT passage.id, work.title, coalesce(section.path, ''), left(passage.text, 80), twins.titles
    FROM (
        SELECT min(one.id) FILTER (WHERE one.work_id = ANY(%(works)s::bigint[])) AS passage_id,
            array_agg(DISTINCT own.title) AS titles
        FROM knowledge_passage AS one JOIN knowledge_work AS own ON own.id = one.work_id
        WHERE one.length >= %(least)s
        GROUP BY md5(one.folded)
        HAVING count(DISTINCT one.work_id) > 1
    ) AS twins
    JOIN knowledge_passage AS passage ON passage.id = twins.passage_id
    JOIN knowledge_work AS work ON work.id = passage.work_id
    LEFT JOIN knowledge_section AS section ON section.id = passage.section_id
    ORDER BY work.title, passage.ordinal
"""


def _lint_sections(
    work: Work, sections: Sequence[tuple[int, int | None, str, str]], parents: Mapping[int, int | None]
) -> Iterator[Finding]:
    """Look for sections without text, and for numbers that do not follow each other among siblings."""
    filled = _filled_sections(work, parents)
    last: dict[tuple[int | None, str], SectionNumber] = {}
    for pk, parent, title, path in sections:
        if pk not in filled:
            yield Finding("empty_section", str(work), path, excerpt=title)
        number = number_of(title)
        if number is None:
            continue
        before = last.get((parent, number.series))
        last[(parent, number.series)] = number
        # A series that begins anew belongs to another part of the book.
        if before and number.value[0] != 1 and not number.follows(before):
            code = "section_gap" if number.value > before.value else "section_order"
            yield Finding(code, str(work), path, excerpt=title)


def _filled_sections(work: Work, parents: Mapping[int, int | None]) -> set[int]:
    """Return the sections that have text, themselves or further down."""
    with_text = work.passages.exclude(section=None).order_by().values_list("section_id", flat=True)
    filled: set[int] = set()
    for section_id in with_text.distinct():
        above: int | None = section_id
        while above is not None and above not in filled:
            filled.add(above)
            above = parents.get(above)
    return filled


class _WorkReader:
    """Reads the passages of one work in their order, and remembers what a fault among several of them needs."""

    def __init__(self, work: Work, parents: Mapping[int, int | None]) -> None:
        self._work = str(work)
        self._parents = parents
        self._section_id: int | None = None
        self._last_entered = 0
        self._path = ""
        # A speech goes on behind the commentary that interrupts it.
        self._marks: dict[str, OpenMarks] = {}
        self._seen: set[bytes] = set()
        self._scripts: Counter[str] = Counter()
        self._first_in_script: dict[str, Finding] = {}

    def read(self, passage: Passage) -> Iterator[Finding]:
        """Yield what is wrong with the passage, and what it shows to be wrong with those before it."""
        yield from self._enter_section(passage)
        for fault in find_garbling(passage.translation) if passage.translation else ():
            yield self._finding(fault.code, passage, passage.translation, fault.position)
        is_modern = passage.kind == Passage.Kind.TRANSLATION
        for fault in find_garbling(passage.text) if is_modern else find_faults(passage.text):
            yield self._finding(fault.code, passage, passage.text, fault.position)
        if is_modern:
            return
        if passage.length > TOO_LONG_CHARACTERS:
            yield self._finding("too_long", passage, passage.text)
        if passage.length < TOO_SHORT_CHARACTERS:
            yield self._finding("too_short", passage, passage.text)
        for mark in self._marks.setdefault(passage.kind, OpenMarks()).read(passage.pk, passage.text):
            yield self._lone(mark.passage_id, mark.position, mark.excerpt)
        yield from self._compare(passage)

    def close(self) -> Iterator[Finding]:
        """Yield what only the whole work shows."""
        yield from self._close_marks()
        if len(self._scripts) == 2:
            rarer = min(self._scripts, key=self._scripts.__getitem__)
            yield self._first_in_script[rarer]

    def _enter_section(self, passage: Passage) -> Iterator[Finding]:
        """Go to the passage's section: a new one comes later than all before it, or the text goes on further up."""
        if passage.section_id == self._section_id:
            return
        yield from self._close_marks()
        section, goes_on = passage.section, self._stands_above(passage.section_id)
        self._section_id = passage.section_id
        self._path = section.path if section else ""
        if section is None or goes_on:
            return
        if section.ordinal <= self._last_entered:
            yield self._finding("passage_order", passage, passage.text)
        self._last_entered = max(section.ordinal, self._last_entered)

    def _stands_above(self, section_id: int | None) -> bool:
        """Tell whether the section is one of those in which the present one stands."""
        above = self._section_id
        while above is not None and above != section_id:
            above = self._parents.get(above)
        return above is not None

    def _close_marks(self) -> Iterator[Finding]:
        for marks in self._marks.values():
            for mark in marks.close():
                yield self._lone(mark.passage_id, mark.position, mark.excerpt)

    def _compare(self, passage: Passage) -> Iterator[Finding]:
        """Compare the passage with those before it: the same text again, or another script."""
        if passage.length >= DUPLICATE_CHARACTERS:
            digest = blake2b(passage.folded.encode(), digest_size=8).digest()
            if digest in self._seen:
                yield self._finding("duplicate", passage, passage.text)
            self._seen.add(digest)
        if script := script_of(passage.text):
            self._scripts[script] += 1
            if script not in self._first_in_script:
                self._first_in_script[script] = self._finding("mixed_script_work", passage, passage.text)

    def _finding(self, code: str, passage: Passage, text: str, position: int = 0) -> Finding:
        return Finding(code, self._work, self._path, passage.pk, position, excerpt(text, position))

    def _lone(self, passage_id: int, position: int, around: str) -> Finding:
        return Finding("unbalanced_marks", self._work, self._path, passage_id, position, around)
