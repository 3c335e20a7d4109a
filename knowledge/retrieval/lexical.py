"""Decides what a query finds by its characters: posting lists are read in one statement and added up here.

What is proposed here by shared characters is measured by ``relevance.py``; the weight of a term is its rarity, as
in BM25 (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009).
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
from django.db import connection
from numpy.typing import NDArray

from knowledge.index.lookup import Numbers, Postings, on_one_snapshot, read_both, read_character, read_pairs
from knowledge.index.postings import split_pairs
from knowledge.index.segments import Snapshot

K1 = 1.2
B = 0.75
# A long query is looked up by its rarest pairs: more of them find nothing else.
MAX_PAIRS = 64
# How many pairs of a phrase are looked up before its text is compared, and how many of one that may have errors.
_EXACT_PAIRS = 3
_SIMILAR_PAIRS = 16
# What shares less than that with a phrase, compared with the best, is not where it comes from.
_SIMILAR_SHARE = 0.5
_VERIFIED_AT_ONCE = 200
_MAX_EXACT = 50


@dataclass(frozen=True)
class Where:
    """The works that are searched (None: all of them), and those whose passages come first."""

    work_ids: list[int] | None = None
    preferred: tuple[int, ...] = ()
    boost: float = 1.0


EVERYWHERE = Where()


@dataclass(frozen=True)
class Weights:
    """The pairs and characters of a query, each with its weight: rarity times occurrences in the query.

    ``mean_length`` is that of the corpus's documents in characters.
    """

    pairs: dict[str, float]
    characters: dict[str, float]
    mean_length: float


@dataclass(frozen=True)
class Found:
    """The passages that share most with a query, best first; those that hold one of its lines; its weights."""

    passage_ids: list[int]
    exact: dict[str, list[int]]
    weights: Weights


class _Holder(NamedTuple):
    """A passage whose text holds a phrase."""

    passage_id: int
    work_id: int
    is_root: bool
    length: int


@on_one_snapshot
def find_candidates(
    snapshot: Snapshot,
    segments: Sequence[str],
    where: Where = EVERYWHERE,
    *,
    lines: Sequence[str] = (),
    limit: int,
) -> Found:
    """Find the passages that share the heaviest pairs with the segments, and as ``find_exact`` the lines.

    In a passage's translation a pair counts as much as in its text. A segment of one character is looked up
    as such. The lines are among the segments.
    """
    counts = Counter(pair for segment in segments for pair in split_pairs(segment))
    single = [segment for segment in segments if len(segment) == 1]
    wanted = {line: _rarest(snapshot, split_pairs(line), _EXACT_PAIRS) for line in lines}
    rarest = [*_rarest(snapshot, counts, MAX_PAIRS), *chain.from_iterable(wanted.values())]
    own, translated = read_both(snapshot, list(dict.fromkeys(rarest)))
    alone = {character: read_character(snapshot, character) for character in single}
    weights = _weigh(snapshot, counts, own, segments)
    scores = _add_up(snapshot, own, weights.pairs)
    if translated:
        scores = np.maximum(scores, _add_up(snapshot, translated, weights.pairs))
    scores += _add_up(snapshot, alone, weights.characters)
    exact = _hold(snapshot, wanted, own, where, _MAX_EXACT)
    return Found(_best(snapshot, scores, where, limit), exact, weights)


@on_one_snapshot
def find_exact(
    snapshot: Snapshot, phrases: Sequence[str], where: Where = EVERYWHERE, *, limit: int = _MAX_EXACT
) -> dict[str, list[int]]:
    """Return for each folded phrase the ids of the passages whose text holds it.

    Passages of a preferred work come first, original texts before commentary, then those of which the
    phrase is the larger part. Phrases of one character are not looked up.
    """
    wanted, postings = _read_rarest(snapshot, phrases, _EXACT_PAIRS)
    return _hold(snapshot, wanted, postings, where, limit)


@on_one_snapshot
def find_similar(snapshot: Snapshot, phrases: Sequence[str], *, limit: int) -> dict[str, list[int]]:
    """Return for each folded phrase the ids of the passages that share its rarest pairs, best first."""
    wanted, postings = _read_rarest(snapshot, phrases, _SIMILAR_PAIRS)
    found: dict[str, list[int]] = {}
    for phrase, pairs in wanted.items():
        own = {pair: postings[pair] for pair in pairs}
        scores = _add_up(snapshot, own, {pair: _rarity(snapshot, len(each)) for pair, each in own.items()})
        numbers = _highest(_present(scores), scores, limit)
        if len(numbers):
            likely = scores[numbers] >= _SIMILAR_SHARE * scores[numbers[0]]
            found[phrase] = snapshot.passage_ids[numbers[likely]].tolist()
    return found


def _read_rarest(
    snapshot: Snapshot, phrases: Sequence[str], limit: int
) -> tuple[dict[str, list[str]], Postings]:
    """Return the rarest pairs of each phrase, and where all of them stand."""
    wanted = {phrase: _rarest(snapshot, split_pairs(phrase), limit) for phrase in phrases}
    return wanted, read_pairs(snapshot, set(chain.from_iterable(wanted.values())))


def _rarest(snapshot: Snapshot, pairs: Iterable[str], limit: int) -> list[str]:
    """Choose the pairs that are likely the rarest, judged by how rare their characters are."""
    frequencies = snapshot.frequencies
    return sorted(
        dict.fromkeys(pairs),
        key=lambda pair: frequencies.get(ord(pair[0]), 0) * frequencies.get(ord(pair[1]), 0),
    )[:limit]


def _add_up(snapshot: Snapshot, postings: Postings, weights: dict[str, float]) -> NDArray[np.float32]:
    """Return for every document the weights of the terms that it has."""
    scores = np.zeros(snapshot.size, np.float32)
    for term, numbers in postings.items():
        scores[numbers] += weights[term]
    return scores


def _rarity(snapshot: Snapshot, frequency: int) -> float:
    return math.log(1 + (max(snapshot.size - frequency, 0) + 0.5) / (frequency + 0.5))


def _weigh(snapshot: Snapshot, counts: Counter[str], own: Postings, segments: Sequence[str]) -> Weights:
    """Weigh every pair that was looked up, and every character; what the corpus lacks weighs most."""
    characters = Counter(character for segment in segments for character in segment)
    return Weights(
        pairs={pair: counts[pair] * _rarity(snapshot, len(numbers)) for pair, numbers in own.items()},
        characters={
            character: count * _rarity(snapshot, snapshot.frequencies.get(ord(character), 0))
            for character, count in characters.items()
        },
        mean_length=snapshot.mean_length,
    )


def _shared(lists: list[Numbers]) -> Numbers:
    """Return the numbers that all of the sorted lists have."""
    shortest, *others = sorted(lists, key=len)
    for other in others:
        if len(shortest) and len(other):
            places = np.minimum(np.searchsorted(other, shortest), len(other) - 1)
            shortest = shortest[other[places] == shortest]
        else:
            shortest = shortest[:0]
    return shortest


def _in_scope(snapshot: Snapshot, numbers: Numbers, where: Where) -> Numbers:
    if where.work_ids is None:
        return numbers
    return numbers[np.isin(snapshot.work_ids[numbers], where.work_ids)]


def _best(snapshot: Snapshot, scores: NDArray[np.float32], where: Where, limit: int) -> list[int]:
    """Return the passages with the highest scores for their length, those of preferred works raised."""
    numbers = _in_scope(snapshot, _present(scores), where)
    scores[numbers] /= 1 + K1 * (1 - B + B * snapshot.lengths[numbers] / snapshot.mean_length)
    if where.preferred:
        scores[numbers[np.isin(snapshot.work_ids[numbers], where.preferred)]] *= where.boost
    best: list[int] = snapshot.passage_ids[_highest(numbers, scores, limit)].tolist()
    return best


def _present(scores: NDArray[np.float32]) -> Numbers:
    """Return the numbers of the documents that have any score; of truth values numpy finds them fastest."""
    return np.flatnonzero(scores > 0)


def _highest(numbers: Numbers, scores: NDArray[np.float32], limit: int) -> Numbers:
    """Return those of the documents that have the highest scores, best first."""
    found = scores[numbers]
    if len(found) > limit:
        least = np.partition(found, len(found) - limit)[len(found) - limit]
        kept = found >= least
        numbers, found = numbers[kept], found[kept]
    return numbers[np.lexsort((numbers, -found))[:limit]]


def _ordered(snapshot: Snapshot, numbers: Numbers, where: Where) -> list[int]:
    """Return the passages of the documents; more than are read at once with preferred works first, then short ones."""
    kept = _in_scope(snapshot, numbers, where)
    if len(kept) > _VERIFIED_AT_ONCE:
        is_other = ~np.isin(snapshot.work_ids[kept], where.preferred)
        kept = kept[np.lexsort((kept, snapshot.lengths[kept], is_other))]
    ordered: list[int] = snapshot.passage_ids[kept].tolist()
    return ordered


def _hold(
    snapshot: Snapshot, wanted: dict[str, list[str]], postings: Postings, where: Where, limit: int
) -> dict[str, list[int]]:
    """Return for each phrase, given with its rarest pairs, the passages that hold it."""
    candidates = {
        phrase: _ordered(snapshot, _shared([postings[pair] for pair in pairs]), where)
        for phrase, pairs in wanted.items()
        if pairs
    }
    return _verify(candidates, where, limit)


def _verify(candidates: dict[str, list[int]], where: Where, limit: int) -> dict[str, list[int]]:
    """Keep for each phrase the passages whose text holds it; read no more of them than the limit asks for."""
    found: dict[str, list[_Holder]] = {phrase: [] for phrase in candidates}
    waiting = {phrase: ids for phrase, ids in candidates.items() if ids}
    while waiting:
        asked = [(phrase, key) for phrase, ids in waiting.items() for key in ids[:_VERIFIED_AT_ONCE]]
        with connection.cursor() as cursor:
            cursor.execute(_HOLDERS, [list(column) for column in zip(*asked, strict=True)])
            for phrase, *holder in cursor.fetchall():
                found[phrase].append(_Holder(*holder))
        waiting = {
            phrase: ids[_VERIFIED_AT_ONCE:]
            for phrase, ids in waiting.items()
            if len(found[phrase]) < limit and len(ids) > _VERIFIED_AT_ONCE
        }
    return {
        phrase: [holder.passage_id for holder in sorted(holders, key=lambda each: _rank(each, where))[:limit]]
        for phrase, holders in found.items()
        if holders
    }


_HOLDERS = """
    SELECT asked.phrase, passage.id, passage.work_id, passage.kind = 'root', passage.length
    FROM unnest(%s::text[], %s::bigint[]) AS asked (phrase, id)
    JOIN knowledge_passage AS passage ON passage.id = asked.id
    WHERE position(asked.phrase IN passage.folded) > 0
"""


def _rank(holder: _Holder, where: Where) -> tuple[bool, bool, int, int]:
    return (holder.work_id not in where.preferred, not holder.is_root, holder.length, holder.passage_id)
