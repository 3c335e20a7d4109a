"""Decides what a query finds by its characters: exact lines by phrase, the rest by BM25 over bigrams.

BM25 as in Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009), with k1 = 1.2 and b = 0.75.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Q, Sum

from knowledge.folding import bigrams
from knowledge.models import TermFrequency, Work
from knowledge.terms import phrase_query

K1 = 1.2
B = 0.75
MAX_TERMS = 48


@dataclass(frozen=True)
class Weights:
    """The query's terms with their weight (IDF times occurrences), and the corpus's mean passage length.

    ``asked`` are all terms of the query, those that the corpus has not among them.
    """

    terms: dict[str, float]
    mean_length: float
    asked: tuple[str, ...] = ()

    def coverage(self, folded: str) -> float:
        """Return the share of all terms asked for, known to the corpus or not, that the text has."""
        return sum(term in folded for term in self.asked) / max(1, len(self.asked))

    def score(self, folded: str, names: Sequence[str]) -> float:
        """Return the passage's BM25; the names of its place count as part of its text."""
        length = len(folded) + sum(map(len, names))
        norm = K1 * (1 - B + B * length / self.mean_length)
        total = 0.0
        for term, weight in self.terms.items():
            occurrences = folded.count(term) + sum(name.count(term) for name in names)
            if occurrences:
                total += weight * occurrences * (K1 + 1) / (occurrences + norm)
        return total


@dataclass(frozen=True)
class Where:
    """The works that are searched (None: all of them), and those whose passages come first."""

    work_ids: list[int] | None = None
    preferred: tuple[int, ...] = ()
    boost: float = 1.0


EVERYWHERE = Where()


def weigh_terms(segments: Sequence[str]) -> Weights:
    """Weigh the bigrams of the segments by their rarity; a term that no passage has is left out.

    A segment of one character weighs as much as all bigrams that begin with it.
    """
    counts = Counter(term for segment in segments for term in bigrams(segment))
    totals = Work.objects.aggregate(passages=Sum("passage_count"), characters=Sum("character_count"))
    passages, characters = totals["passages"] or 0, totals["characters"] or 0
    rarest = sorted(_frequencies(counts).items(), key=lambda item: item[1])[:MAX_TERMS]
    weights = {term: counts[term] * _rarity(frequency, passages) for term, frequency in rarest}
    mean_length = max(1.0, characters / max(1, passages))
    return Weights(terms=weights, mean_length=mean_length, asked=tuple(counts))


def _rarity(frequency: int, passages: int) -> float:
    return math.log(1 + (max(passages - frequency, 0) + 0.5) / (frequency + 0.5))


def _frequencies(counts: Counter[str]) -> dict[str, int]:
    single = [term for term in counts if len(term) == 1]
    wanted = Q(term__in=list(counts))
    for character in single:
        wanted |= Q(term__startswith=character)
    frequencies: Counter[str] = Counter()
    for term, passages in TermFrequency.objects.filter(wanted, passages__gt=0).values_list(
        "term", "passages"
    ):
        if term in counts:
            frequencies[term] += passages
        if len(term) == 2 and term[0] in single:
            frequencies[term[0]] += passages
    return dict(frequencies)


def find_candidates(weights: Weights, where: Where, *, limit: int) -> list[int]:
    """Return the ids of the passages that share the heaviest terms; how often they do is not counted here."""
    if not weights.terms:
        return []
    parameters: dict[str, Any] = {
        "terms": [term if len(term) > 1 else f"{term}:*" for term in weights.terms],
        "weights": list(weights.terms.values()),
        "works": where.work_ids,
        "preferred": list(where.preferred),
        "boost": where.boost,
        "floor": 1 + K1 * (1 - B),
        "slope": K1 * B / weights.mean_length,
        "limit": limit,
    }
    scope = "" if where.work_ids is None else "WHERE passage.work_id = ANY(%(works)s)"
    with connection.cursor() as cursor:
        cursor.execute(_CANDIDATES.format(scope=scope), parameters)
        return [row[0] for row in cursor.fetchall()]


_CANDIDATES = """
    SELECT passage.id
    FROM unnest(%(terms)s::text[], %(weights)s::float8[]) AS query (term, weight)
    JOIN knowledge_passage AS passage ON passage.terms @@ query.term::tsquery
    {scope}
    GROUP BY passage.id
    ORDER BY sum(query.weight) / (%(floor)s + %(slope)s * passage.length)
        * CASE WHEN passage.work_id = ANY(%(preferred)s::bigint[]) THEN %(boost)s ELSE 1 END DESC, passage.id
    LIMIT %(limit)s
"""


def find_exact(phrases: Sequence[str], where: Where = EVERYWHERE, *, limit: int = 50) -> dict[str, list[int]]:
    """Return for each folded phrase the ids of the passages whose text holds it.

    Passages of a preferred work come first, original texts before commentary, then those of which the
    phrase is the larger part. Phrases of one character are not looked up.
    """
    long_enough = [phrase for phrase in phrases if len(phrase) >= 2]
    parameters: dict[str, Any] = {
        "phrases": long_enough,
        "queries": [phrase_query(phrase) for phrase in long_enough],
        "works": where.work_ids,
        "preferred": list(where.preferred),
        "limit": limit,
    }
    scope = "" if where.work_ids is None else "AND work_id = ANY(%(works)s)"
    return _grouped(_EXACT.format(scope=scope), parameters) if long_enough else {}


_EXACT = """
    SELECT wanted.phrase, found.id
    FROM unnest(%(phrases)s::text[], %(queries)s::text[]) AS wanted (phrase, query)
    CROSS JOIN LATERAL (
        SELECT id
        FROM knowledge_passage
        WHERE terms @@ wanted.query::tsquery AND strpos(folded, wanted.phrase) > 0 {scope}
        ORDER BY work_id = ANY(%(preferred)s::bigint[]) DESC, kind = 'root' DESC, length, id
        LIMIT %(limit)s
    ) AS found
"""


def find_similar(phrases: Sequence[str], *, limit: int) -> dict[str, list[int]]:
    """Return for each folded phrase the ids of the passages that share its rarest bigrams, best first."""
    frequencies = _frequencies(Counter(term for phrase in phrases for term in bigrams(phrase)))
    passages = Work.objects.aggregate(total=Sum("passage_count"))["total"] or 0
    rows = [
        (phrase, term, _rarity(frequencies[term], passages))
        for phrase in phrases
        for term in sorted(set(bigrams(phrase)) & frequencies.keys(), key=frequencies.__getitem__)[
            :_SIMILAR_TERMS
        ]
    ]
    columns = [list(column) for column in zip(*rows, strict=True)] or [[], [], []]
    parameters: dict[str, Any] = {
        "phrases": columns[0],
        "terms": columns[1],
        "weights": columns[2],
        "limit": limit,
    }
    return _grouped(_SIMILAR, parameters) if rows else {}


_SIMILAR_TERMS = 16
_SIMILAR = """
    SELECT phrase, id
    FROM (
        SELECT query.phrase, passage.id,
            row_number() OVER (PARTITION BY query.phrase ORDER BY sum(query.weight) DESC, passage.id) AS place
        FROM unnest(%(phrases)s::text[], %(terms)s::text[], %(weights)s::float8[]) AS query (phrase, term,
        weight) JOIN knowledge_passage AS passage ON passage.terms @@ query.term::tsquery GROUP BY
        query.phrase, passage.id ) AS ranked WHERE place <= %(limit)s ORDER BY phrase, place
"""


def _grouped(statement: str, parameters: dict[str, Any]) -> dict[str, list[int]]:
    grouped: dict[str, list[int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        for phrase, passage_id in cursor.fetchall():
            grouped.setdefault(phrase, []).append(passage_id)
    return grouped
