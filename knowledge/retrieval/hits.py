"""Decides what of the candidates is shown: the same text once, in order, with what the query has of it marked."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import connection

from knowledge.folding import IDEOGRAPHS, fold, fold_characters
from knowledge.models import Place
from knowledge.outlining.terms import fold_names
from knowledge.retrieval.fusion import Candidate
from knowledge.retrieval.queries import ParsedQuery


@dataclass(frozen=True)
class Duplicate:
    """Another passage with the same text as a hit."""

    passage_id: int
    citation: str


@dataclass(frozen=True)
class Hit:
    """A passage that was found, where it stands, and what each side of the search thought of it.

    ``matched`` are the half-open stretches of ``text`` that the query has too.
    """

    passage_id: int
    work: str
    section: str
    citation: str
    text: str
    score: float
    dense_score: float | None
    lexical_score: float | None
    dense_rank: int | None
    lexical_rank: int | None
    fused_rank: int
    exact: bool
    matched: tuple[tuple[int, int], ...] = ()
    duplicates: tuple[Duplicate, ...] = ()

    @property
    def passage_ids(self) -> tuple[int, ...]:
        """The hit's passage and those that have the same text."""
        return (self.passage_id, *(each.passage_id for each in self.duplicates))


@dataclass(frozen=True, slots=True)
class CandidateText:
    """What a candidate is measured by."""

    passage_id: int
    work_id: int
    is_root: bool
    folded: str
    translation: str
    edition: str
    place: Place

    @property
    def names(self) -> tuple[str, ...]:
        """The folded names of its place."""
        return fold_names((self.place.work, self.place.path, self.place.author))


def read_texts(passage_ids: Iterable[int]) -> dict[int, CandidateText]:
    """Read the candidates that are still in the corpus."""
    with connection.cursor() as cursor:
        cursor.execute(_READ_TEXTS, [list(passage_ids)])
        rows = cursor.fetchall()
    return {
        key: CandidateText(key, work_id, is_root, folded, translation, edition, Place(*place))
        for key, work_id, is_root, folded, translation, edition, *place in rows
    }


_READ_TEXTS = """
    SELECT passage.id, passage.work_id, passage.kind = 'root', passage.folded, passage.translation, work.edition,
        work.title, coalesce(section.path, ''), coalesce(section.title, ''), coalesce(section.author, '')
    FROM knowledge_passage AS passage
    JOIN knowledge_work AS work ON work.id = passage.work_id
    LEFT JOIN knowledge_section AS section ON section.id = passage.section_id
    WHERE passage.id = ANY(%s)
"""


def rank_groups(candidates: Mapping[int, Candidate], texts: Mapping[int, CandidateText]) -> list[list[int]]:
    """Return the passages in order, best first, those of the same text in one group behind the best of them."""

    def place(candidate: Candidate) -> tuple[float, bool, int, int]:
        text = texts[candidate.passage_id]
        return (-candidate.score, not text.is_root, len(text.folded), candidate.passage_id)

    groups: dict[str, list[int]] = {}
    for candidate in sorted(candidates.values(), key=place):
        groups.setdefault(texts[candidate.passage_id].folded, []).append(candidate.passage_id)
    return list(groups.values())


def describe_hits(
    groups: list[list[int]],
    candidates: Mapping[int, Candidate],
    texts: Mapping[int, CandidateText],
    query: ParsedQuery,
) -> list[Hit]:
    """Read the first passage of each group as it is written, and tell what it was found by."""
    written = read_written([group[0] for group in groups])
    lexical_ranks = _ranks({key: each.lexical for key, each in candidates.items() if each.overlap > 0})
    dense_ranks = _ranks({key: each.dense for key, each in candidates.items() if each.dense is not None})
    return [
        Hit(
            passage_id=first,
            work=texts[first].place.work,
            section=texts[first].place.path,
            citation=texts[first].place.citation,
            text=written[first],
            score=round(candidate.score, 4),
            dense_score=None if candidate.dense is None else round(candidate.dense, 4),
            lexical_score=round(candidate.lexical, 4) if candidate.overlap > 0 else None,
            dense_rank=dense_ranks.get(first),
            lexical_rank=lexical_ranks.get(first),
            fused_rank=rank,
            exact=candidate.exact_phrases > 0,
            matched=find_matches(written[first], query.segments),
            duplicates=_duplicates(texts[first], [texts[key] for key in others]),
        )
        for rank, (first, *others) in enumerate((group for group in groups if group[0] in written), 1)
        for candidate in (candidates[first],)
    ]


def _duplicates(first: CandidateText, others: list[CandidateText]) -> tuple[Duplicate, ...]:
    """Name each by its place, and by its edition where another one stands at the same place."""
    places = Counter(text.place.citation for text in (first, *others))
    return tuple(
        Duplicate(
            text.passage_id,
            f"{text.place.citation}（{text.edition}）"
            if places[text.place.citation] > 1 and text.edition
            else text.place.citation,
        )
        for text in others
    )


def read_written(passage_ids: list[int]) -> dict[int, str]:
    """Return the passages' texts as they are written, of those that are still in the corpus."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, text FROM knowledge_passage WHERE id = ANY(%s)", [passage_ids])
        return dict(cursor.fetchall())


def find_matches(text: str, segments: Iterable[str]) -> tuple[tuple[int, int], ...]:
    """Return the half-open stretches of the text that have two or more characters in a row of a segment.

    Segments are folded; punctuation within a stretch belongs to it. A segment of one character is marked as such.
    """
    runs = IDEOGRAPHS.finditer(fold_characters(text))
    positions = [index for run in runs for index in range(*run.span())]
    characters = fold(text)
    marked = [False] * len(positions)
    for segment in segments:
        size = min(2, len(segment))
        for piece in {segment[start : start + size] for start in range(len(segment) - size + 1)}:
            found = characters.find(piece)
            while found >= 0:
                marked[found : found + size] = [True] * size
                found = characters.find(piece, found + 1)
    return tuple(_stretches(positions, marked))


def _stretches(positions: list[int], marked: list[bool]) -> Iterable[tuple[int, int]]:
    first: int | None = None
    for index, is_marked in enumerate([*marked, False]):
        if is_marked and first is None:
            first = positions[index]
        elif not is_marked and first is not None:
            yield first, positions[index - 1] + 1
            first = None


def _ranks(scores: Mapping[int, float]) -> dict[int, int]:
    ordered = sorted(scores, key=lambda key: (-scores[key], key))
    return {key: rank for rank, key in enumerate(ordered, 1)}
