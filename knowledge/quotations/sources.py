"""Decides from which passages a quotation was taken, word for word or nearly, be it from one or several in a row."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise

from django.db import connection

from knowledge.folding import IDEOGRAPHS
from knowledge.models import Place
from knowledge.quotations.alignment import Alignment, align
from knowledge.quotations.attribution import Location
from knowledge.quotations.wordings import Parts, Wording
from knowledge.retrieval import lexical

MAX_SOURCES = 50
_CANDIDATES = 24
_MIN_PART_CHARACTERS = 3
_MIN_SPANNING_CHARACTERS = 8
_MAX_GAP_CHARACTERS = 300
_MAX_OMITTED_CHARACTERS = 60
_MIN_REACH = 2
_MAX_REACH = 8
_CHARACTERS_PER_PASSAGE = 24
# Simplified editions write 干 for 乾 in the sense of dry, and 复 for 覆 in that of return; as words they differ.
_WRITTEN_ALIKE = (("乾", "干"), ("覆", "复"))


@dataclass(frozen=True)
class Match:
    """A passage in which the quotation begins; ``source`` is what stands there, folded.

    ``edits`` are the characters wrong, missing or added, the neighbours swapped and the clauses left out or
    moved; a true quotation has none. ``is_framed`` tells that the source begins and ends where clauses do.
    """

    passage_id: int
    source: str = ""
    edits: int = 0
    is_framed: bool = True


@dataclass(frozen=True)
class Stretch:
    """Passages in a row: their ids, texts and folded texts."""

    passages: tuple[tuple[int, str, str], ...]

    @cached_property
    def folded(self) -> str:
        """The folded texts, one after the other."""
        return "".join(folded for _, _, folded in self.passages)

    @cached_property
    def compared(self) -> str:
        """The folded texts as they are compared, position by position."""
        return _as_compared(self.folded)

    @cached_property
    def edges(self) -> frozenset[int]:
        """The positions in ``folded`` where a clause begins or ends."""
        runs = (run for _, text, _ in self.passages for run in IDEOGRAPHS.findall(text))
        return frozenset(accumulate(map(len, runs), initial=0))

    def passage_at(self, position: int) -> int:
        """Return the id of the passage that holds this position of ``folded``."""
        end = 0
        for passage_id, _, folded in self.passages:
            end += len(folded)
            if position < end:
                return passage_id
        return self.passages[-1][0]


def most_edits(length: int) -> int:
    """Return how many edits a quotation of so many characters may take and still be told which one is meant."""
    if length < _MIN_SPANNING_CHARACTERS:
        return 1 if length < 6 else 2
    return max(3, length // 4)


def find_exact(wordings: Collection[Wording], *, preferred: Collection[int]) -> dict[Wording, list[Match]]:
    """Return for each quotation the passages that have it word for word, at most ``MAX_SOURCES`` of them.

    Passages of the ``preferred`` works come first. What runs over several passages or has ellipses is not
    found here but by ``find_near``.
    """
    variants = {wording: _variants(wording) for wording in wordings}
    phrases = sorted({phrase for each in variants.values() for phrase in each})
    where = lexical.Where(preferred=tuple(sorted(preferred)))
    found = lexical.find_exact(phrases, where, limit=MAX_SOURCES) if phrases else {}
    return {
        wording: [Match(passage_id, phrase) for passage_id in found[phrase]]
        for wording, phrases in variants.items()
        if (phrase := next(filter(found.get, phrases), None))
    }


def _variants(wording: Wording) -> list[str]:
    """The folded text of a quotation without ellipses: first without, then with its remarks in brackets."""
    return list(dict.fromkeys(parts[0] for parts in (wording.parts, wording.literal) if len(parts) == 1))


def find_near(wordings: Collection[Wording]) -> dict[Wording, list[Match]]:
    """Return for each quotation the passages that have something close to it, those with the fewest edits first."""
    wholes = sorted({wording.whole for wording in wordings})
    found = lexical.find_similar(wholes, limit=_CANDIDATES) if wholes else {}
    reaches: dict[int, int] = {}
    for whole, passage_ids in found.items():
        for passage_id in passage_ids:
            reaches[passage_id] = max(_reach(whole), reaches.get(passage_id, 0))
    stretches = _load_stretches(reaches)
    return {wording: _match_all(wording, found.get(wording.whole, ()), stretches) for wording in wordings}


def load_locations(passage_ids: Iterable[int]) -> dict[int, Location]:
    """Return where the passages stand, by their ids."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCATIONS, [list(set(passage_ids))])
        rows = cursor.fetchall()
    return {key: Location(work_id, Place(*place), ordinal) for key, work_id, ordinal, *place in rows}


_LOCATIONS = """
    SELECT passage.id, passage.work_id, coalesce(section.ordinal, 0),
        work.title, coalesce(section.path, ''), coalesce(section.title, ''), coalesce(section.author, '')
    FROM knowledge_passage AS passage
    JOIN knowledge_work AS work ON work.id = passage.work_id
    LEFT JOIN knowledge_section AS section ON section.id = passage.section_id
    WHERE passage.id = ANY(%s)
"""


def _reach(whole: str) -> int:
    """How many passages before and after a candidate may belong to a quotation of this length."""
    return min(_MAX_REACH, _MIN_REACH + len(whole) // _CHARACTERS_PER_PASSAGE)


def _load_stretches(reaches: Mapping[int, int]) -> dict[int, Stretch]:
    """Load each passage with its neighbours of the same kind, as many on each side as asked for."""
    if not reaches:
        return {}
    rows: dict[int, list[tuple[int, str, str]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_STRETCHES, [list(reaches), list(reaches.values())])
        for key, *passage in cursor.fetchall():
            rows.setdefault(key, []).append(tuple(passage))
    return {key: Stretch(tuple(passages)) for key, passages in rows.items()}


# The limit tells PostgreSQL that few rows come from each, so that it follows the index on work and ordinal.
_STRETCHES = """
    SELECT wanted.id, near.id, near.text, near.folded
    FROM unnest(%s::bigint[], %s::int[]) AS wanted (id, reach)
    JOIN knowledge_passage AS middle ON middle.id = wanted.id
    CROSS JOIN LATERAL (
        SELECT id, text, folded, kind
        FROM knowledge_passage
        WHERE work_id = middle.work_id
            AND ordinal BETWEEN middle.ordinal - wanted.reach AND middle.ordinal + wanted.reach
        ORDER BY ordinal
        LIMIT 2 * wanted.reach + 1
    ) AS near
    WHERE near.kind = middle.kind
"""


def _match_all(wording: Wording, passage_ids: Iterable[int], stretches: Mapping[int, Stretch]) -> list[Match]:
    found = [_match(wording, stretches[key]) for key in passage_ids if key in stretches]
    best = {match.passage_id: match for match in sorted(filter(None, found), key=_by_edits, reverse=True)}
    return sorted(best.values(), key=_by_edits)


def _by_edits(match: Match) -> tuple[int, bool]:
    return match.edits, not match.is_framed


def _match(wording: Wording, stretch: Stretch) -> Match | None:
    parts = tuple(map(_as_compared, wording.parts))
    whole = "".join(parts)
    if (start := _find_parts(parts, stretch.compared)) is not None:
        return Match(stretch.passage_at(start), wording.whole)
    if len(parts) > 1:
        return None
    found = align(whole, stretch.compared, lambda: stretch.edges, most_edits=most_edits(len(whole)))
    if found and not found.edits:
        # Shorter than what may run over the end of a passage: there it stands by chance.
        is_within = stretch.passage_at(found.start) == stretch.passage_at(found.end - 1)
        return _match_at(stretch, found) if is_within else None
    if found and 4 * found.edits <= len(whole):
        return _match_at(stretch, found)
    return _match_clauses(wording.clauses, stretch) or (_match_at(stretch, found) if found else None)


def _as_compared(folded: str) -> str:
    for written, alike in _WRITTEN_ALIKE:
        folded = folded.replace(written, alike)
    return folded


def _match_at(stretch: Stretch, found: Alignment) -> Match:
    source = stretch.folded[found.start : found.end]
    return Match(stretch.passage_at(found.start), source, found.edits, found.is_framed)


def _match_clauses(clauses: Parts, stretch: Stretch) -> Match | None:
    """Find a quotation that leaves clauses of a passage out or changes their order; each break counts as an edit."""
    spans: list[tuple[int, int]] = []
    for clause in clauses:
        start = stretch.folded.find(clause, spans[-1][1] if spans else 0)
        start = stretch.folded.find(clause) if start < 0 else start
        if start < 0:
            return None
        spans.append((start, start + len(clause)))
    total = sum(map(len, clauses))
    if len(spans) < 2 or total < _MIN_SPANNING_CHARACTERS:
        return None
    first, last = min(spans)[0], max(end for _, end in spans)
    breaks = sum(start != end for (_, end), (start, _) in pairwise(spans))
    passage_id = stretch.passage_at(first)
    is_within = passage_id == stretch.passage_at(last - 1)
    is_close = last - first <= 2 * total + _MAX_OMITTED_CHARACTERS
    return (
        Match(passage_id, stretch.folded[first:last], breaks) if breaks and is_within and is_close else None
    )


def _find_parts(parts: Parts, folded: str) -> int | None:
    """Return where the first part begins, if all parts stand in the text in their order and not far apart."""
    if sum(map(len, parts)) < _MIN_SPANNING_CHARACTERS or min(map(len, parts)) < _MIN_PART_CHARACTERS:
        return None
    beginning = folded.find(parts[0])
    while beginning >= 0:
        end = beginning + len(parts[0])
        for part in parts[1:]:
            place = folded.find(part, end, end + _MAX_GAP_CHARACTERS + len(part))
            if place < 0:
                break
            end = place + len(part)
        else:
            return beginning
        beginning = folded.find(parts[0], beginning + 1)
    return None
