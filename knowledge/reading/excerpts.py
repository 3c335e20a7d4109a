"""Decides what a reader sees of a hit: the stretch around what matched, and in words why it was found."""

from collections.abc import Sequence
from dataclasses import dataclass

from knowledge.retrieval.hits import Hit

WINDOW_CHARACTERS = 160
_LEAD_CHARACTERS = 40
_ENDS = "。！？；\n"


@dataclass(frozen=True)
class Segment:
    """A stretch of a text that matched the query, or one between two that did."""

    text: str
    is_match: bool


@dataclass(frozen=True)
class Excerpt:
    """A window into a text; it tells whether anything was left out before and after."""

    segments: tuple[Segment, ...]
    is_cut_before: bool
    is_cut_after: bool


def excerpt(text: str, matched: Sequence[tuple[int, int]]) -> Excerpt:
    """Cut a long text to a window that begins with the sentence of the first match, and divide it at the matches.

    ``matched`` are half-open spans in the text, in order.
    """
    begin, end = _window(text, matched)
    segments: list[Segment] = []
    position = begin
    for first, last in ((max(first, begin), min(last, end)) for first, last in matched):
        if first >= last or first < position:
            continue
        segments += [Segment(text[position:first], False), Segment(text[first:last], True)]
        position = last
    segments.append(Segment(text[position:end], False))
    return Excerpt(
        tuple(segment for segment in segments if segment.text),
        is_cut_before=begin > 0,
        is_cut_after=end < len(text),
    )


def explain(hit: Hit) -> str:
    """Say why the passage was found: 原句命中 · 语义相近（第 3）."""
    reasons = []
    if hit.exact:
        reasons.append("原句命中")
    elif hit.lexical_rank:
        reasons.append(f"字面相近（第 {hit.lexical_rank}）")
    if hit.dense_rank:
        reasons.append(f"语义相近（第 {hit.dense_rank}）")
    return " · ".join(reasons)


def _window(text: str, matched: Sequence[tuple[int, int]]) -> tuple[int, int]:
    if len(text) <= WINDOW_CHARACTERS + _LEAD_CHARACTERS:
        return 0, len(text)
    begin = _sentence_start(text, matched[0][0]) if matched else 0
    begin = max(0, min(begin, len(text) - WINDOW_CHARACTERS))
    return begin, _sentence_end(text, begin + WINDOW_CHARACTERS)


def _sentence_start(text: str, position: int) -> int:
    """The beginning of the sentence around the position or, where that is far away, a few characters before it."""
    reach = max(0, position - _LEAD_CHARACTERS)
    found = max(text.rfind(mark, reach, position) for mark in _ENDS)
    return found + 1 if found >= 0 else reach


def _sentence_end(text: str, position: int) -> int:
    ends = [found for mark in _ENDS if (found := text.find(mark, position, position + _LEAD_CHARACTERS)) >= 0]
    return min(ends) + 1 if ends else min(position, len(text))
