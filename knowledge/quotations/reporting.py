"""Decides which checked quotations a reader is shown: a verdict on what is no quotation would be a false alarm.

The rule, by the number of ideographs, by how firmly the reply ties them to a source (``Tie``), by how they are set
(in marks, as a block or verse, or without any sign) and by their wording (``Diction``):

* **exact** is shown from eight ideographs on; four to seven count when someone is said to have said them, when a place
  is given, when they are set off, or when they are rare: 「上善若水」 stands in a handful of passages, 「天下之人」 in
  hundreds. Common is what more than one passage in ten thousand has, and more than eight; fifty are never rare.
* **near** needs as much and more, because chance brings strangers close: four ideographs must be said by someone;
  five to seven too, or the source must be a whole clause; where a quarter and more is altered, the source must stand
  where the reply says or be a whole clause. Modern wording is near only to what it has most of, unless the reply
  gives its place.
* **not found** is shown only where the reply claims a source. A place that is given counts for everything in marks,
  for four ideographs if it is given plainly; what a book is merely said to hold (《论语》中的「…」) for eight in
  clauses that are not modern; a speaker with 曰, 云 or a colon for what is not worded in modern
  Chinese, any other for eight ideographs in classical. Without a claim, eight ideographs in clauses, or twelve, in
  classical Chinese are taken for a quotation. What is called a meaning, a notion, a name, a proverb or the model's own
  verse is none, nor is a list of notions; nor is a line or a sentence without marks, whose limits are our guess. Where
  the corpus has a piece of a quotation, its other pieces are part of the claim.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from knowledge.quotations.claims import Claim, Tie
from knowledge.quotations.diction import Diction, diction_of
from knowledge.quotations.quoted_spans import Quotation
from knowledge.quotations.wordings import Wording

Verdict = Literal["exact", "near", "not_found"]

LONG_CHARACTERS = 8
_LONG_UNPUNCTUATED_CHARACTERS = 12
_SHORTEST_CHARACTERS = 4
# 格物、致知、诚意、正心 is a list of notions.
_LIST = re.compile(r"[^，。、,\s]{1,3}(?:、[^，。、,\s]{1,3})+")
_INTRODUCES = re.compile(r"[:：]\s*$")
_COMMON_SHARE = 10_000
_COMMON_AT_LEAST = 8
_COMMON_AT_MOST = 50
_PUNCTUATION = "，。！？；：、,!?;:\n"
_CLAUSES = frozenset(_PUNCTUATION)


@dataclass(frozen=True)
class Occasion:
    """A quotation as it stands in the reply: what of it is compared, and what the reply says about it."""

    quotation: Quotation
    wording: Wording
    claim: Claim

    @property
    def length(self) -> int:
        """How many ideographs are compared."""
        return len(self.wording.whole)

    @property
    def is_set_off(self) -> bool:
        """Tell whether it stands in lines of its own, marked as a quotation or as verse."""
        return self.quotation.kind in ("block", "verse")

    @property
    def is_marked(self) -> bool:
        """Tell whether the reply itself shows where it begins and ends."""
        return self.quotation.kind in ("marks", "block", "verse")

    @cached_property
    def diction(self) -> Diction:
        """How it is worded."""
        return diction_of(self.quotation.text)


def is_common(occurrences: int, passages: int) -> bool:
    """Tell whether so many passages have an expression, of all there are, that it tells nothing of its source."""
    return occurrences >= min(_COMMON_AT_MOST, max(_COMMON_AT_LEAST, passages // _COMMON_SHARE))


def shows_exact(occasion: Occasion, *, common: bool) -> bool:
    """Tell whether a true quotation is worth its mark."""
    if occasion.length >= LONG_CHARACTERS:
        return True
    return not common or occasion.is_set_off or occasion.claim.tie in (Tie.SPOKEN, Tie.PLACED)


def shows_near(occasion: Occasion, edits: int, *, is_framed: bool, is_where_claimed: bool) -> bool:
    """Tell whether a source with so many edits is what the reply meant to quote."""
    claim, length = occasion.claim, occasion.length
    is_much_altered = 4 * edits > length
    is_modern = occasion.diction is Diction.MODERN and claim.tie is not Tie.PLACED
    if is_modern and (is_much_altered or length < LONG_CHARACTERS):
        return False
    if is_much_altered and not (is_where_claimed or (is_framed and length >= LONG_CHARACTERS)):
        return False
    if length >= LONG_CHARACTERS:
        return True
    if claim.tie <= Tie.FREE and claim.is_notion:
        return False
    is_plain = is_where_claimed and is_framed and claim.tie is Tie.PLACED
    if length == _SHORTEST_CHARACTERS and not is_plain:
        return claim.tie >= Tie.SPOKEN and claim.is_firm
    is_said = claim.tie is Tie.PLACED or (claim.tie is Tie.SPOKEN and claim.is_firm)
    return is_said or occasion.is_set_off or is_framed


def shows_missing(occasion: Occasion, *, beside_found: bool = False) -> bool:
    """Tell whether the reply passes off as a quotation what the corpus has not.

    ``beside_found`` tells that it is a piece of a quotation of which the corpus has another piece.
    """
    claim, length = occasion.claim, occasion.length
    if beside_found and occasion.is_marked:
        is_introduction = _INTRODUCES.search(occasion.quotation.text)
        return not is_introduction and occasion.diction is not Diction.MODERN
    if not occasion.is_marked or claim.tie is Tie.GLOSSED:
        return False
    is_long = length >= LONG_CHARACTERS
    if (claim.is_notion and not is_long) or _LIST.fullmatch(occasion.quotation.text):
        return False
    if claim.tie is Tie.PLACED:
        return claim.is_firm or length > _SHORTEST_CHARACTERS
    marks = _CLAUSES.intersection(occasion.quotation.text.rstrip(_PUNCTUATION))
    if claim.tie is Tie.HELD:
        is_sentence = is_long and bool(marks - {"、"}) and not claim.is_notion
        return is_sentence and occasion.diction is not Diction.MODERN
    if claim.tie is Tie.SPOKEN and claim.is_firm:
        return occasion.diction is not Diction.MODERN
    if claim.tie is Tie.SPOKEN:
        return is_long and occasion.diction is Diction.CLASSICAL
    is_text = length >= (LONG_CHARACTERS if marks else _LONG_UNPUNCTUATED_CHARACTERS)
    return is_text and occasion.quotation.kind != "verse" and occasion.diction is Diction.CLASSICAL
