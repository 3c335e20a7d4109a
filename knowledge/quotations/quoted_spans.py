"""Decides what a quotation is: a stretch of a reply, with those within it and the pieces it may be taken apart into."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from knowledge.folding import IDEOGRAPHS
from knowledge.quotations.diction import Diction, diction_of

Kind = Literal["marks", "block", "verse", "line", "sentence"]

MIN_CHARACTERS = 4
_MAX_PIECES = 12
_ELLIPSIS = re.compile(r"…+|\.{3,}|⋯+|。{3,}|[(（\[［](?:\.{3}|…+|⋯+|略|中略)[)）\]］]")
# 孔子说：…, 孔子曰：… in a quotation are the reply's words; 子曰 and 哀公问曰 are the source's.
_INTRODUCTION = re.compile(r"[^，。！？；：:,“‘「『\n]{1,12}(?:[：:]|[，,]?(?=[“‘「『]))")
_NARRATION = re.compile(
    r"(?:[说說讲講]|[写寫言說说]道)(?:过|過)?[：:，,]?$|^(?:[孔老孟庄莊荀墨列孙孫曾]子|孔夫子|仲尼|韩非子)[曰云][：:，,]?$"
)
_SENTENCE = re.compile(r"[^。！？!?；;：:\n]+[。！？!?；;：:\n]*")


@dataclass(frozen=True)
class Quotation:
    """A stretch of the reply between ``start`` and ``end``; ``inner`` are the quotations within it.

    ``text`` is what the reply quotes there, without the signs that set its lines off. ``is_piece`` tells that
    the reply does not set it apart: it is a line or a sentence of a quotation.
    """

    start: int
    end: int
    text: str
    inner: tuple["Quotation", ...] = ()
    kind: Kind = "marks"
    is_piece: bool = False


def count_ideographs(text: str) -> int:
    """Return how many ideographs the text has."""
    return sum(map(len, IDEOGRAPHS.findall(text)))


def is_long_enough(text: str) -> bool:
    """Tell whether the text is more than an expression of two or three ideographs."""
    return count_ideographs(text) >= MIN_CHARACTERS


def split_ellipsis(text: str) -> list[str]:
    """Return what stands between the ellipses of the text, or the text alone."""
    return _ELLIPSIS.split(text)


def take_apart(quotation: Quotation) -> tuple[Quotation, ...]:
    """Return the pieces of a quotation that is not found as a whole.

    These are the quotations within it; where it has none, what stands between its ellipses, or else its
    sentences behind the words that introduce them. A sentence of less than four ideographs goes with the next.
    """
    if quotation.inner:
        return quotation.inner
    if quotation.end - quotation.start != len(quotation.text):
        return ()
    introduction = len(introduction_of(quotation))
    spans = list(_gaps(_ELLIPSIS.finditer(quotation.text), len(quotation.text)))
    if len(spans) == 1:
        sentences = [match.span() for match in _SENTENCE.finditer(quotation.text, introduction)]
        spans = _join_short(quotation.text, sentences)
    pieces = (_piece(quotation, start, end) for start, end in spans[:_MAX_PIECES])
    kept = tuple(piece for piece in pieces if is_long_enough(piece.text))
    return kept if len(spans) > 1 or introduction else ()


def introduction_of(quotation: Quotation) -> str:
    """Return the words of the reply's own with which the quotation begins, or "": 老师问：, 孔子曰："""
    introduction = _INTRODUCTION.match(quotation.text)
    if not introduction:
        return ""
    is_own = _NARRATION.search(introduction[0]) or diction_of(introduction[0]) is Diction.MODERN
    return introduction[0] if is_own else ""


def _gaps(matches: Iterable[re.Match[str]], length: int) -> Iterator[tuple[int, int]]:
    start = 0
    for match in matches:
        yield start, match.start()
        start = match.end()
    yield start, length


def _join_short(text: str, spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Join what is too short to stand alone to what follows it, or at the end to what goes before."""
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and not is_long_enough(text[slice(*joined[-1])]):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    if len(joined) > 1 and not is_long_enough(text[slice(*joined[-1])]):
        _, end = joined.pop()
        joined[-1] = (joined[-1][0], end)
    return joined


def _piece(quotation: Quotation, start: int, end: int) -> Quotation:
    return Quotation(
        quotation.start + start,
        quotation.start + end,
        quotation.text[start:end],
        kind=quotation.kind,
        is_piece=True,
    )
