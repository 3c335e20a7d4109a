"""Decides which lines of a reply are set off as quoted: Markdown block quotes, verse, a classical line by itself."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from knowledge.folding import IDEOGRAPH
from knowledge.quotations.diction import Diction, diction_of
from knowledge.quotations.quotation_marks import marked_quotations
from knowledge.quotations.quoted_spans import (
    Kind,
    Quotation,
    count_ideographs,
    is_long_enough,
)

Span = tuple[int, int]

_LINE = re.compile(r"[^\n]+")
_BLOCK = re.compile(r"(?:^[ \t]*>[^\n]*(?:\n|$))+", re.MULTILINE)
_BLOCK_SIGNS = re.compile(r"[ \t]*(?:>[ \t]?)+")
_LIST_SIGN = re.compile(r"[ \t\u3000]*(?:[-*+•·◆●▪]|[(（]?\d{1,3}[.、)）]|[①-⑳])?[ \t\u3000]*")
_FRAME = " \t\r\u3000*_~`|"
_BREAK = re.compile(r"(?:<br\s{0,3}/?>|\\)$")
# “原文：” before a line is no part of it; behind “译文：” stands no quotation at all.
_LABEL = re.compile(
    r"[*_]{0,3}[【\[(（]?(?:原文|原句|原诗|原词|全文|全诗|正文|经文|诗曰|词曰|例句)[】\])）]?[*_]{0,3}[：:]?[*_]{0,3}(?<=[：:】\]*_])\s*"
)
_RENDERED = re.compile(
    r"[*_]{0,3}[【\[(（]?(?:译文|今译|译|白话|翻译|大意|释义|注释?|解读|解释|意思|赏析|按语?|案|出处|来源|注意|提示|说明|小结|总结)"
    r"[^：:\n]{0,6}[】\])）：:]"
)
_SOURCE_LINE = re.compile(
    r"[*_\s]*(?:[—－–\-]{1,3}|[（(\[【])?\s*[^《》〈〉，,。：:！!？?\n]{0,14}(?:[《〈][^《》〈〉\n]{1,60}[》〉]\s?){1,3}"
    r"[^《》〈〉，,。：:！!？?\n]{0,8}[)）\]】]?[*_。\s]*|[*_\s]*(?:[—－–]{1,3}|-{2,3})[^，,。！!？?\n]{1,20}"
)
_VERSE_LINE = re.compile(f"[{IDEOGRAPH}][{IDEOGRAPH}，、。！？；：…—·,.!?;:\\s\\d\\[\\]①-⑳（）()*]*")
_END = re.compile(r"[，。！？；,.!?;…][\s*\d\[\]①-⑳]*$")
_SOURCE_BEHIND = re.compile(
    r"(?:[—－–]{1,3}|--|[（(])\s*[^《》\n]{0,14}[《〈][^《》〈〉\n]+[》〉][^\n]{0,12}$"
)
_MIN_VERSE_CHARACTERS = 3
_MAX_VERSE_CHARACTERS = 40
_MIN_LINE_CHARACTERS = 8
_MAX_HEADING_CHARACTERS = 12
_MAX_HEADINGS = 3


def block_quotations(reply: str) -> Iterator[Quotation]:
    """Yield the paragraphs of the Markdown block quotes; a paragraph of several lines has these within it.

    Lines that head the paragraph, name its source or render it in modern words are no part of it.
    """
    for block in _BLOCK.finditer(reply):
        lines = [
            (_BLOCK_SIGNS.match(reply, *line.span()), line) for line in _LINE.finditer(reply, *block.span())
        ]
        contents = [_trim(reply, signs.end() if signs else line.start(), line.end()) for signs, line in lines]
        for is_quoted, paragraph in groupby(contents, key=lambda span: _is_quoted(reply[slice(*span)])):
            if is_quoted:
                yield from _paragraph(reply, [_behind_label(reply, span) for span in paragraph], "block")


def verse_quotations(reply: str, taken: Sequence[Span]) -> Iterator[Quotation]:
    """Yield lines that stand by themselves: verse of two lines and more, or one classical line.

    ``taken`` are the stretches, in order, that are quotations already or no running text; no line touches them.
    """
    for is_verse, lines in groupby(_free_lines(reply, taken), key=lambda span: _may_be_verse(reply, span)):
        if not is_verse:
            continue
        spans = _without_headings(reply, list(lines))
        if len(spans) > 1 and _is_verse(reply, spans):
            yield from _paragraph(reply, spans, "verse")
        else:
            yield from (
                _quotation(reply, [span], "line") for span in spans if _is_line(reply, span, len(spans))
            )


def _free_lines(reply: str, taken: Sequence[Span]) -> Iterator[Span]:
    """Yield every line's content; one that touches ``taken`` comes as an empty span, and so does a blank line."""
    place = 0
    for line in re.finditer(r"[^\n]*\n?", reply):
        start, end = line.span()
        while place < len(taken) and taken[place][1] <= start:
            place += 1
        if place < len(taken) and taken[place][0] < end:
            yield start, start
        else:
            content = _LIST_SIGN.match(reply, start, end)
            first, last = _trim(reply, content.end() if content else start, end)
            source = _SOURCE_BEHIND.search(reply, first, last)
            yield _behind_label(reply, _trim(reply, first, source.start() if source else last))


def _trim(reply: str, start: int, end: int) -> Span:
    """Narrow the span by spaces, emphasis and a line break in HTML at its ends."""
    text = reply[start:end].rstrip("\n" + _FRAME)
    text = _BREAK.sub("", text).rstrip(_FRAME)
    inner = text.lstrip(_FRAME)
    return start + len(text) - len(inner), start + len(text)


def _behind_label(reply: str, span: Span) -> Span:
    label = _LABEL.match(reply, *span)
    return (label.end(), span[1]) if label else span


def _is_quoted(line: str) -> bool:
    return bool(line) and not _SOURCE_LINE.fullmatch(line) and not _RENDERED.match(line)


def _may_be_verse(reply: str, span: Span) -> bool:
    text = reply[slice(*span)]
    if not _VERSE_LINE.fullmatch(text) or _RENDERED.match(text):
        return False
    in_range = _MIN_VERSE_CHARACTERS <= count_ideographs(text) <= _MAX_VERSE_CHARACTERS
    return in_range and diction_of(text) is not Diction.MODERN


def _is_verse(reply: str, spans: Sequence[Span]) -> bool:
    texts = [reply[slice(*span)] for span in spans]
    return all(map(_END.search, texts)) or len({count_ideographs(text) for text in texts}) == 1


def _is_line(reply: str, span: Span, beside: int) -> bool:
    """A line by itself: long and punctuated, or all that there is of the reply."""
    text = reply[slice(*span)]
    if reply.strip() == text:
        return is_long_enough(text)
    return beside == 1 and count_ideographs(text) >= _MIN_LINE_CHARACTERS and bool(_END.search(text))


def _without_headings(reply: str, spans: list[Span]) -> list[Span]:
    """Drop up to three short lines at the beginning that end without a mark, if what follows is verse."""
    for headings in range(min(_MAX_HEADINGS, len(spans) - 1) + 1):
        texts = [reply[slice(*span)] for span in spans[:headings]]
        if any(_END.search(text) or count_ideographs(text) > _MAX_HEADING_CHARACTERS for text in texts):
            break
        if _is_verse(reply, spans[headings:]) and (headings == 0 or _END.search(reply[slice(*spans[-1])])):
            return spans[headings:]
    return spans


def _paragraph(reply: str, spans: list[Span], kind: Kind) -> Iterator[Quotation]:
    spans = [span for span in _without_headings(reply, spans) if span[0] < span[1]]
    if spans:
        quotation = _quotation(reply, spans, kind)
        if is_long_enough(quotation.text):
            yield quotation


def _quotation(reply: str, spans: list[Span], kind: Kind) -> Quotation:
    start, end = spans[0][0], spans[-1][1]
    if len(spans) == 1:
        return Quotation(start, end, reply[start:end], tuple(marked_quotations(reply, start, end)), kind)
    lines = [replace(_quotation(reply, [span], kind), is_piece=True) for span in spans]
    text = "\n".join(line.text for line in lines)
    return Quotation(start, end, text, tuple(line for line in lines if is_long_enough(line.text)), kind)
