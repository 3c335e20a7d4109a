"""Decides how checked quotations are marked in a rendered reply: which characters, with which words about the verdict."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from markdown_it.token import Token

CLASSES = {"exact": "quote quote-exact", "near": "quote quote-near", "not_found": "quote quote-missing"}
# Between two characters of a rendered line stand no more characters of Markdown than this.
_LONGEST_MARKUP = 200
_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class _Mark:
    """A quotation's place in the text, and what its mark says there: the whole at its beginning, then what it is."""

    start: int
    end: int
    attributes: Mapping[str, str]

    def attributes_at(self, *, beginning: bool) -> dict[str, str]:
        """Return the attributes of one of its marks."""
        names = self.attributes if beginning else ("class", "data-quote")
        return {name: self.attributes[name] for name in names}


def mark_quotes(tokens: Iterable[Token], text: str, quotes: Sequence[Mapping[str, Any]]) -> None:
    """Wrap the quotations in ``mark`` tokens; ``quotes`` are checks with offsets into the Markdown ``text``.

    Each run of text is wrapped by itself, so a quotation across emphasis, lines or paragraphs becomes several marks
    with the same ``data-quote`` (its index), the first of which tells the verdict, and the HTML stays well-formed. Code
    blocks are left alone, and so is what overlaps an earlier quotation. Time is linear in the text.
    """
    marks = _marks(quotes)
    if not marks:
        return
    line_starts = [0, *(end.end() for end in _LINE_END.finditer(text)), len(text)]
    walk = _Walk(text, marks)
    for token in tokens:
        if token.map is None or token.children is None:
            continue
        first, behind = token.map
        walk.enter(line_starts[first], line_starts[min(behind, len(line_starts) - 1)])
        token.children = [wrapped for child in token.children for wrapped in walk.wrap(child)]


def describe(quote: Mapping[str, Any]) -> str:
    """Return what a reader is told of a quotation's verdict."""
    citation = quote.get("citation") or "典籍库"
    if quote.get("verdict") == "not_found":
        if quote.get("cited_in_corpus") is False:
            return f"无从核对：典籍库未收{quote.get('cited') or '此书'}"
        return "典籍库中未见此句"
    is_exact = quote.get("verdict") == "exact"
    if quote.get("attribution") == "wrong":
        return f"{'原文无误' if is_exact else '与原文相近'}，出处有误：实见{citation}"
    if is_exact:
        return f"原文核对无误：{citation}"
    differences = len(quote.get("differences") or ())
    return f"与原文有 {differences} 处不同：{citation}" if differences else f"与原文相近：{citation}"


def _marks(quotes: Sequence[Mapping[str, Any]]) -> list[_Mark]:
    marks: list[_Mark] = []
    for index, quote in sorted(enumerate(quotes), key=lambda numbered: numbered[1]["start"]):
        behind = marks[-1].end if marks else 0
        if quote["start"] >= behind and quote["end"] > quote["start"] and quote["verdict"] in CLASSES:
            marks.append(_Mark(quote["start"], quote["end"], _attributes(index, quote)))
    return marks


def _attributes(index: int, quote: Mapping[str, Any]) -> dict[str, str]:
    told = describe(quote)
    attributes = {
        "class": CLASSES[quote["verdict"]],
        "title": told,
        "aria-description": told,
        "data-quote": str(index),
        "data-attribution": str(quote.get("attribution", "unknown")),
    }
    if quote.get("passage_id"):
        attributes["data-passage"] = str(quote["passage_id"])
    return attributes


class _Walk:
    """Follows the rendered characters through the Markdown they come from, and wraps those of quotations.

    Markdown only leaves characters out: each rendered one is the next of its kind in the source. Where it stands for an
    entity, and is not found, it counts as standing where the walk has come to.
    """

    def __init__(self, text: str, marks: Sequence[_Mark]) -> None:
        self._text = text
        self._marks = marks
        self._position = 0
        self._limit = 0
        self._next_mark = 0
        self._begun: _Mark | None = None

    def enter(self, start: int, limit: int) -> None:
        """Go on to a block that stands between two positions; cells of a table row stand in the same block."""
        self._position = max(self._position, start)
        self._limit = limit

    def wrap(self, child: Token) -> Iterator[Token]:
        """Yield the token in the pieces that are quoted and not quoted."""
        if child.type not in ("text", "code_inline"):
            yield child
            return
        found = [self._mark_of(character) for character in child.content]
        if child.type == "code_inline":
            yield from self._marked(child, found[0] if found and found[0] is found[-1] else None)
            return
        position = 0
        for mark, run in groupby(found, key=lambda mark: mark):
            length = len(list(run))
            piece = child.copy(content=child.content[position : position + length])
            position += length
            yield from self._marked(piece, mark)

    def _mark_of(self, character: str) -> _Mark | None:
        position = self._position
        if not character.isspace():
            behind = min(self._limit, position + _LONGEST_MARKUP)
            found = self._text.find(character, position, behind)
            if found != -1:
                position, self._position = found, found + 1
        while self._next_mark < len(self._marks) and self._marks[self._next_mark].end <= position:
            self._next_mark += 1
        if self._next_mark == len(self._marks) or position < self._marks[self._next_mark].start:
            return None
        return self._marks[self._next_mark]

    def _marked(self, token: Token, mark: _Mark | None) -> Iterator[Token]:
        if mark is None:
            yield token
            return
        attributes = mark.attributes_at(beginning=mark is not self._begun)
        self._begun = mark
        yield Token("mark_open", "mark", 1, attrs={**attributes})
        yield token
        yield Token("mark_close", "mark", -1)
