"""Decides how near a text is to a query by its characters: rarity-weighted overlap, and how they line up.

Overlap is BM25 over pairs and single characters, as a share of what the query could reach. Alignment is the
longest common subsequence of the query and the stretch of the text that has most of it, as a share of the
query: a modern rendering keeps the order of what it renders, chance likeness does not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import LCSseq

from knowledge.index.postings import code_points, pair_term
from knowledge.retrieval.lexical import K1, B, Weights

CHARACTER_WEIGHT = 0.75
_CODES = 1 << 18
_LEAST_WINDOW = 8
_MARGIN = 4
_SEPARATOR = "\0"


@dataclass(frozen=True)
class Relevance:
    """One entry for each text: ``overlap`` from 0 to about 1, ``alignment`` from 0 to 1."""

    overlap: NDArray[np.float64]
    alignment: NDArray[np.float64]


def measure_relevance(
    query: str, weights: Weights, texts: Sequence[str], names: Sequence[Sequence[str]]
) -> Relevance:
    """Measure folded texts, each with the folded names of its place, against the folded query."""
    return Relevance(_overlap(weights, texts, names), _alignment(query, weights, texts))


def _overlap(weights: Weights, texts: Sequence[str], names: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    if not texts:
        return np.empty(0)
    codes, numbers = code_points(
        [_SEPARATOR.join((text, *own)) for text, own in zip(texts, names, strict=True)]
    )
    lengths = np.bincount(numbers[codes > 0], minlength=len(texts))
    norms = K1 * (1 - B + B * lengths / weights.mean_length)
    pairs = _saturated(codes[:-1] << 18 | codes[1:], numbers[:-1], norms, _paircode_points(weights.pairs))
    single = _saturated(codes, numbers, norms, {ord(key): value for key, value in weights.characters.items()})
    reachable = sum(weights.pairs.values()) + CHARACTER_WEIGHT * sum(weights.characters.values())
    shares: NDArray[np.float64] = (pairs + CHARACTER_WEIGHT * single) / max(reachable, 1e-9)
    return shares


def _paircode_points(pairs: dict[str, float]) -> dict[int, float]:
    return {pair_term(pair): weight for pair, weight in pairs.items()}


def _saturated(
    codes: NDArray[np.int64],
    numbers: NDArray[np.int64],
    norms: NDArray[np.floating],
    weights: dict[int, float],
) -> NDArray[np.float64]:
    """Add up the weights of the terms in each text; a term that is repeated there counts ever less."""
    if not weights:
        return np.zeros(len(norms))
    terms = np.array(sorted(weights))
    places = np.minimum(np.searchsorted(terms, codes), len(terms) - 1)
    found = terms[places] == codes
    slots = numbers[found] * len(terms) + places[found]
    counts = np.bincount(slots, minlength=len(norms) * len(terms)).reshape(len(norms), len(terms))
    saturated = counts * (K1 + 1) / (counts + norms[:, None])
    total: NDArray[np.float64] = saturated @ np.array([weights[int(term)] for term in terms])
    return total


def _alignment(query: str, weights: Weights, texts: Sequence[str]) -> NDArray[np.float64]:
    width = max(_LEAST_WINDOW, len(query))
    starts = _best_windows(weights, texts, width)
    stretches = [
        text[max(0, start - _MARGIN) : start + width + _MARGIN]
        for text, start in zip(texts, starts, strict=True)
    ]
    shared = [LCSseq.similarity(query, stretch) for stretch in stretches]
    return np.array(shared, np.float64) / max(1, len(query))


def _best_windows(weights: Weights, texts: Sequence[str], width: int) -> list[int]:
    """Return where in each text the stretch of ``width`` characters begins that has most of the query."""
    if not texts:
        return []
    table = np.zeros(_CODES)
    for character, weight in weights.characters.items():
        table[ord(character)] = weight
    codes, _numbers = code_points([text + _SEPARATOR * (width - 1) for text in texts])
    sums = np.concatenate([[0.0], np.cumsum(table[codes])])
    windows = sums[np.minimum(np.arange(len(codes)) + width, len(codes))] - sums[:-1]
    firsts = np.cumsum([0, *(len(text) + width for text in texts)])
    return [
        int(np.argmax(windows[first : first + max(1, len(text))]))
        for first, text in zip(firsts, texts, strict=False)
    ]
