"""Decides which marks of a text belong together: Chinese, Western and straight ones, however badly they are set."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from knowledge.folding import IDEOGRAPH
from knowledge.quotations.quoted_spans import Kind, Quotation, is_long_enough

# A model can be made to write a reply of nothing but marks: what is looked at has an end in every direction.
MAX_DEPTH = 4

_PAIRS = {
    **{"「": "」", "『": "』", "“": "”", "‘": "’", "﹁": "﹂", "﹃": "﹄", "｢": "｣", "❝": "❞"},
    **{"〝": "〞", '"': '"'},
}
_SAME = {"＂": '"', "〟": "〞", "‟": "“", "„": "“", "‛": "‘"}
_MARK = re.compile(f"[{''.join({*_PAIRS, *_PAIRS.values(), *_SAME})}]")
OPENING_MARKS = "".join({*_PAIRS, *(mark for mark, same in _SAME.items() if same in _PAIRS)})
CLOSING_MARKS = "".join({*_PAIRS.values(), "＂", "〟"})
_STRAIGHT = re.compile('["＂]|\n[ \t]*\n')
_OPENS_AFTER = re.compile(r"[:：（(\[「『“‘《]")
_QUOTED_NEXT = re.compile(f"[{IDEOGRAPH}…*]")


def marked_quotations(reply: str, start: int, end: int, *, kind: Kind = "marks") -> list[Quotation]:
    """Return the outermost quotations between marks, in order, each with those within it.

    Built from the last mark to the first, so that what a quotation holds lies ready on top of the stack.
    """
    ready: list[Quotation] = []
    for opening, closing in reversed(_pair_marks(reply, start, end)):
        inner: list[Quotation] = []
        while ready and ready[-1].start < closing:
            inner.append(ready.pop())
        text = reply[opening + 1 : closing]
        if is_long_enough(text):
            ready.append(Quotation(opening + 1, closing, text, tuple(inner), kind))
    return ready[::-1]


def _pair_marks(reply: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return where marks open and close, in order of their opening; those deeper than ``MAX_DEPTH`` are text.

    A closing mark belongs to the last open one of its kind. One that is never closed opens nothing.
    """
    straight = dict(_straight_roles(reply, start, end))
    pairs: list[tuple[int, int]] = []
    opened: list[tuple[int, str]] = []
    waiting: Counter[str] = Counter()
    for match in _MARK.finditer(reply, start, end):
        mark = _SAME.get(match[0], match[0])
        if _is_opening(mark, match.start(), straight):
            opened.append((match.start(), _PAIRS[mark]))
            waiting[_PAIRS[mark]] += 1
        elif waiting[mark] and straight.get(match.start(), False) is False:
            pairs.append((_take_back(opened, waiting, mark), match.start()))
    return _drop_deep(sorted(pairs))


def _is_opening(mark: str, position: int, straight: Mapping[int, bool | None]) -> bool:
    return straight.get(position) is True if mark == '"' else mark in _PAIRS


def _straight_roles(reply: str, start: int, end: int) -> Iterator[tuple[int, bool | None]]:
    """Tell of each straight mark whether it opens (True), closes (False) or is no quotation mark (None).

    They alternate, from each paragraph anew; after a colon one opens even where another is open. An inch
    behind a figure is none.
    """
    opened = 0
    for match in _STRAIGHT.finditer(reply, start, end):
        position = match.start()
        before, after = reply[position - 1 : position], reply[position + 1 : position + 2]
        if match[0][0] == "\n":
            opened = 0
        elif before.isascii() and before.isdigit() and not opened:
            yield position, None
        elif not opened or (_OPENS_AFTER.match(before) and _QUOTED_NEXT.match(after)):
            opened += 1
            yield position, True
        else:
            opened -= 1
            yield position, False


def _take_back(opened: list[tuple[int, str]], waiting: Counter[str], mark: str) -> int:
    """Take from the stack the opening that ``mark`` closes, and what was opened after it."""
    while True:
        opening, closing = opened.pop()
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
