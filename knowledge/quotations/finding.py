"""Decides what in a reply is a quotation; pure text, no corpus."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from knowledge.folding import fold_characters
from knowledge.quotations.quotation_marks import marked_quotations
from knowledge.quotations.quoted_spans import Quotation
from knowledge.quotations.set_off import Span, block_quotations, verse_quotations
from knowledge.quotations.unmarked import attributed_sentences

# A model can be made to write a reply of nothing but quotations.
MAX_QUOTATIONS = 120
_CODE = re.compile(r"^[ \t]*(```|~~~).*?(?:^[ \t]*\1|\Z)", re.MULTILINE | re.DOTALL)


def find_quotations(reply: str) -> list[Quotation]:
    """Return the outermost quotations of at least four ideographs, in order.

    They stand in marks (Chinese, Western, straight), in a Markdown block quote, of which each paragraph is
    one, as verse or a classical line set off by itself, or behind a verb of saying without any marks. What
    the last two give is but a guess from its wording. After ``MAX_QUOTATIONS``, those within others
    counted, no more are given.
    """
    blocks = list(block_quotations(reply))
    marked = [each for each in marked_quotations(reply, 0, len(reply)) if not _is_inside(blocks, each.start)]
    found = _merge(blocks, marked)
    code = [match.span() for match in _CODE.finditer(reply)]
    set_off = list(verse_quotations(reply, _join(_spans(found), code)))
    found = _merge(found, (each for each in set_off if each.kind == "verse"))
    plain = fold_characters(reply)
    sentences = list(attributed_sentences(plain, reply, _join(_spans(found), code)))
    lines = (each for each in set_off if each.kind == "line" and not _overlaps(sentences, each))
    return list(_first(_merge(found, (*sentences, *lines)), iter(range(MAX_QUOTATIONS))))


def _overlaps(quotations: Sequence[Quotation], other: Quotation) -> bool:
    following = bisect_left(quotations, other.end, key=lambda each: each.start)
    return following > 0 and quotations[following - 1].end > other.start


def _merge(found: Iterable[Quotation], more: Iterable[Quotation]) -> list[Quotation]:
    return sorted((*found, *more), key=lambda quotation: quotation.start)


def _spans(quotations: Iterable[Quotation]) -> list[Span]:
    return [(quotation.start, quotation.end) for quotation in quotations]


def _join(first: Iterable[Span], second: Iterable[Span]) -> list[Span]:
    return sorted((*first, *second))


def _is_inside(blocks: Sequence[Quotation], position: int) -> bool:
    following = bisect_right(blocks, position, key=lambda block: block.start)
    return following > 0 and position < blocks[following - 1].end


def _first(quotations: Sequence[Quotation], places: Iterator[int]) -> tuple[Quotation, ...]:
    """Keep as many as there are places, in reading order; each is counted before those within it."""
    return tuple(
        replace(quotation, inner=_first(quotation.inner, places))
        for quotation, _ in zip(quotations, places, strict=False)
    )
