"""Decides what in a reply is a quotation, and which place the reply gives for it; pure text, no corpus."""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from knowledge.folding import is_cjk

MIN_CHARACTERS = 4
# A model can be made to write a reply of nothing but marks: what is looked at has an end in every direction.
MAX_QUOTATIONS = 120
MAX_DEPTH = 4
_CITATION_REACH_CHARACTERS = 300

_PAIRS = {"「": "」", "『": "』", "“": "”", "‘": "’"}
_MARK = re.compile("[「」『』“”‘’]")
_BLOCK = re.compile(r"(?:^[ \t]*>[^\n]*(?:\n|$))+", re.MULTILINE)
_BLOCK_LINE = re.compile(r"^[ \t]*>[ \t]?([^\n]*)", re.MULTILINE)
_TITLE = re.compile(r"《([^《》\n]{1,60})》")
_SOURCE_LINE = re.compile(r"^[—－\-–\s]*(?:[^《》\n]{0,20})《[^《》\n]+》[^《》\n]{0,12}$")
# What may stand between a quotation and the source that follows it: （《…》, ——《…》, or 出自《…》.
_TRAILER = re.compile(
    r"[」』”’]*[。！？；，,.]?[」』”’]*(?:"
    r"[\s>]*(?:[（(〔\[]|[—－–-]+)\s*[^《》。！？\n]{0,8}"
    r"|\s*(?:这句话|此句|一语|一句)?(?:即|便|就)?(?:语出|典出|出自|源自|出于|见于|引自|来自)[^《》。！？\n]{0,6})"
)
_OPENING = " \t\n>:：「『“‘"
_SENTENCE_END = re.compile(r"[。！？!?\n]")


@dataclass(frozen=True)
class Quotation:
    """A stretch of the reply between ``start`` and ``end``; ``inner`` are the quotations within it."""

    start: int
    end: int
    text: str
    inner: tuple["Quotation", ...] = ()


def find_quotations(reply: str) -> list[Quotation]:
    """Return the outermost quotations of at least four ideographs, in order.

    They stand in 「」『』“”‘’ or in a Markdown block quote, of which each paragraph is one, its lines
    within it. A line of a block quote that only names the source is none. After ``MAX_QUOTATIONS``, those
    within others counted, no more are given.
    """
    blocks = list(_block_quotations(reply))
    marked = [each for each in _marked(reply, 0, len(reply)) if not _is_inside(blocks, each.start)]
    everything = sorted((*blocks, *marked), key=lambda quotation: quotation.start)
    return list(_first(everything, iter(range(MAX_QUOTATIONS))))


def _is_inside(blocks: Sequence[Quotation], position: int) -> bool:
    following = bisect_right(blocks, position, key=lambda block: block.start)
    return following > 0 and position < blocks[following - 1].end


def _first(quotations: Sequence[Quotation], places: Iterator[int]) -> tuple[Quotation, ...]:
    """Keep as many as there are places, in reading order; each is counted before those within it."""
    return tuple(
        replace(quotation, inner=_first(quotation.inner, places))
        for quotation, _ in zip(quotations, places, strict=False)
    )


def cited_title(reply: str, quotation: Quotation) -> str | None:
    """Return what stands in the 《》 that gives the quotation's place, or None.

    A source right behind the quotation comes first, then the nearest one before it in its sentence, then
    one after it; none is sought further than 300 characters away.
    """
    after = _TITLE.search(reply, quotation.end, quotation.end + _CITATION_REACH_CHARACTERS)
    if after and _TRAILER.fullmatch(reply, quotation.end, after.start()):
        return after[1]
    opening = len(reply[: quotation.start].rstrip(_OPENING))
    reach = max(0, opening - _CITATION_REACH_CHARACTERS)
    ends = [match.end() for match in _SENTENCE_END.finditer(reply, reach, opening)]
    before = _TITLE.findall(reply, ends[-1] if ends else reach, opening)
    if before:
        return str(before[-1])
    if after and not _SENTENCE_END.search(reply, quotation.end, after.start()):
        return after[1]
    return None


def _block_quotations(reply: str) -> Iterator[Quotation]:
    for block in _BLOCK.finditer(reply):
        paragraph: list[tuple[int, int]] = []
        lines = [match.span(1) for match in _BLOCK_LINE.finditer(reply, *block.span())]
        for start, end in [*lines, (block.end(), block.end())]:
            content = reply[start:end].strip()
            if content and not _SOURCE_LINE.match(content):
                paragraph.append((start, end))
            elif paragraph:
                yield from _paragraph(reply, paragraph)
                paragraph = []


def _paragraph(reply: str, lines: list[tuple[int, int]]) -> Iterator[Quotation]:
    start, end = lines[0][0], lines[-1][1]
    if len(lines) > 1:
        inner = [quotation for line in lines for quotation in _line(reply, *line)]
    else:
        inner = _marked(reply, start, end)
    text = "\n".join(reply[first:last] for first, last in lines)
    if _is_long_enough(text):
        yield Quotation(start, end, text, tuple(inner))


def _line(reply: str, start: int, end: int) -> Iterator[Quotation]:
    text = reply[start:end]
    if _is_long_enough(text):
        yield Quotation(start, end, text, tuple(_marked(reply, start, end)))


def _marked(reply: str, start: int, end: int) -> list[Quotation]:
    """Return the outermost quotations between marks, in order, each with those within it.

    Built from the last mark to the first, so that what a quotation holds lies ready on top of the stack.
    """
    ready: list[Quotation] = []
    for opening, closing in reversed(_pair_marks(reply, start, end)):
        inner: list[Quotation] = []
        while ready and ready[-1].start < closing:
            inner.append(ready.pop())
        text = reply[opening + 1 : closing]
        if _is_long_enough(text):
            ready.append(Quotation(opening + 1, closing, text, tuple(inner)))
    return ready[::-1]


def _pair_marks(reply: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return where marks open and close, in order of their opening; those deeper than ``MAX_DEPTH`` are text.

    A closing mark belongs to the last open one of its kind. One that is never closed opens nothing.
    """
    pairs: list[tuple[int, int]] = []
    opened: list[int] = []
    waiting: Counter[str] = Counter()
    for match in _MARK.finditer(reply, start, end):
        if closing := _PAIRS.get(match[0]):
            opened.append(match.start())
            waiting[closing] += 1
        elif waiting[match[0]]:
            pairs.append((_take_back(reply, opened, waiting, match[0]), match.start()))
    return _drop_deep(sorted(pairs))


def _take_back(reply: str, opened: list[int], waiting: Counter[str], mark: str) -> int:
    """Take from the stack the opening that ``mark`` closes, and what was opened after it."""
    while True:
        opening = opened.pop()
        closing = _PAIRS[reply[opening]]
        waiting[closing] -= 1
        if closing == mark:
            return opening


def _drop_deep(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    kept: list[tuple[int, int]] = []
    around: list[int] = []
    for opening, closing in pairs:
        while around and around[-1] < opening:
            around.pop()
        if len(around) < MAX_DEPTH:
            kept.append((opening, closing))
            around.append(closing)
    return kept


def _is_long_enough(text: str) -> bool:
    return sum(map(is_cjk, text)) >= MIN_CHARACTERS
