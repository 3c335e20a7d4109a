"""Decides what in a reply is a quotation, and which place the reply gives for it; pure text, no corpus."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from knowledge.folding import is_cjk

MIN_CHARACTERS = 4

_PAIRS = {"「": "」", "『": "』", "“": "”", "‘": "’"}
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
    within it. A line of a block quote that only names the source is none.
    """
    blocks = list(_block_quotations(reply))
    marked = [
        quotation
        for quotation in _marked(reply, 0, len(reply))
        if not any(block.start <= quotation.start < block.end for block in blocks)
    ]
    return sorted((*blocks, *marked), key=lambda quotation: quotation.start)


def cited_title(reply: str, quotation: Quotation) -> str | None:
    """Return what stands in the 《》 that gives the quotation's place, or None.

    A source right behind the quotation comes first, then the nearest one before it in its sentence, then
    one after it.
    """
    after = _TITLE.search(reply, quotation.end)
    if after and _TRAILER.fullmatch(reply, quotation.end, after.start()):
        return after[1]
    opening = len(reply[: quotation.start].rstrip(_OPENING))
    ends = [match.end() for match in _SENTENCE_END.finditer(reply, 0, opening)]
    before = [match[1] for match in _TITLE.finditer(reply, ends[-1] if ends else 0, opening)]
    if before:
        return before[-1]
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
    inner = list(_marked(reply, start, end))
    if len(lines) > 1:
        inner = [quotation for line in lines for quotation in _line(reply, *line)]
    text = "\n".join(reply[first:last] for first, last in lines)
    if _is_long_enough(text):
        yield Quotation(start, end, text, tuple(inner))


def _line(reply: str, start: int, end: int) -> Iterator[Quotation]:
    text = reply[start:end]
    if _is_long_enough(text):
        yield Quotation(start, end, text, tuple(_marked(reply, start, end)))


def _marked(reply: str, start: int, end: int) -> Iterator[Quotation]:
    """Yield the outermost quotations between marks; a mark that is never closed opens nothing."""
    position = start
    while position < end:
        closing = _PAIRS.get(reply[position])
        close = _find_close(reply, position, end) if closing else None
        if close is None:
            position += 1
            continue
        text = reply[position + 1 : close]
        if _is_long_enough(text):
            yield Quotation(position + 1, close, text, tuple(_marked(reply, position + 1, close)))
        position = close + 1


def _find_close(reply: str, opening: int, end: int) -> int | None:
    mark, closing, depth = reply[opening], _PAIRS[reply[opening]], 0
    for position in range(opening, end):
        depth += (reply[position] == mark) - (reply[position] == closing)
        if depth == 0:
            return position
    return None


def _is_long_enough(text: str) -> bool:
    return sum(map(is_cjk, text)) >= MIN_CHARACTERS
