"""Decides which sentences without marks a reply gives as someone's words: 孔子曰：学而时习之，不亦说乎。"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from knowledge.folding import IDEOGRAPH
from knowledge.quotations.diction import Diction, diction_of
from knowledge.quotations.quotation_marks import CLOSING_MARKS, OPENING_MARKS
from knowledge.quotations.quoted_spans import Quotation, is_long_enough

# Written in half-width and simplified characters: it is sought in the reply's folded characters.
_SAYING = re.compile(
    r"(?:曰|云|有言|所言|所云|所说|写道|言道|(?<![小学])说过?|讲过?|名言|名句|诗句|原文|原句|俗话说|常言道)(?:得好|是|为)?[:,][ \t]*"
    rf"|(?:子|》|诗|书|易|传|语|又)(?:曰|云)(?=[{IDEOGRAPH}])|》[^,。:《》\n]{{0,10}}:[ \t]*|正所谓[:,]?"
)
_SENTENCE = re.compile(rf"[^。！？!?；;\n{OPENING_MARKS}{CLOSING_MARKS}《》]{{1,300}}[。！？!?；;]*")
_CLAUSE = re.compile(r"[^，,：:、—（(]+[，,：:、—（(]*")
_MAX_SENTENCES = 4


def attributed_sentences(plain: str, reply: str, taken: Sequence[tuple[int, int]]) -> Iterator[Quotation]:
    """Yield the words that follow a verb of saying, as far as they are not plainly modern.

    Up to four sentences of a line, each within the whole; ``plain`` are the reply's folded characters.
    Nothing that touches ``taken`` is given, nor a second quotation from the same words.
    """
    free = 0
    place = 0
    for saying in _SAYING.finditer(plain):
        start = saying.end()
        while place < len(taken) and taken[place][1] <= start:
            place += 1
        limit = taken[place][0] if place < len(taken) else len(reply)
        if start < free or start >= limit:
            continue
        sentences = list(_sentences(reply, start, limit))
        if sentences:
            free = sentences[-1].end
            yield _join(reply, sentences)


def _sentences(reply: str, start: int, limit: int) -> Iterator[Quotation]:
    """Yield the sentences from ``start`` on; the one in which modern words begin is cut there and the last."""
    for _ in range(_MAX_SENTENCES):
        sentence = _SENTENCE.match(reply, start, limit)
        if not sentence:
            return
        end = _classical_end(reply, *sentence.span())
        if is_long_enough(reply[start:end]):
            yield Quotation(start, end, reply[start:end], kind="sentence", is_piece=True)
        if end < sentence.end():
            return
        start = end


def _classical_end(reply: str, start: int, end: int) -> int:
    """Return where the modern words of the sentence begin, or its end."""
    kept = start
    for clause in _CLAUSE.finditer(reply, start, end):
        if diction_of(clause[0]) is Diction.MODERN:
            return kept
        kept = clause.end()
    return end


def _join(reply: str, sentences: list[Quotation]) -> Quotation:
    if len(sentences) == 1:
        return replace(sentences[0], is_piece=False)
    start, end = sentences[0].start, sentences[-1].end
    return Quotation(start, end, reply[start:end], tuple(sentences), kind="sentence")
