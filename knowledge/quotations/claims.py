"""Decides what a reply says about a quotation: where it stands, who said it, or that it is no quotation at all."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import IntEnum

from knowledge.folding import IDEOGRAPH, fold, fold_characters
from knowledge.quotations.cited_places import CitedPlace, first_places, last_places, split_title
from knowledge.quotations.quotation_marks import CLOSING_MARKS, OPENING_MARKS
from knowledge.quotations.quoted_spans import Quotation
from knowledge.quotations.turns_of_phrase import (
    before_enumeration,
    comments,
    holds,
    is_firm_speech,
    is_mistaken,
    is_no_claim,
    is_notion,
    is_rendered,
    is_speech,
    leads_on,
    speaking_clause,
)
from knowledge.quotations.work_names import is_part

# A place is sought no further away than this; speaker and turn of phrase stand closer.
_REACH_CHARACTERS = 300
_PHRASE_CHARACTERS = 40
_SPEAKER_CHARACTERS = 14
_SHORT_LINE_CHARACTERS = 14

# Written in half-width and simplified characters: it is sought in folded characters.
_OPENING = f" \t\n\r>*_{OPENING_MARKS}"
_SENTENCE_END = re.compile(r"[。!?\n]")
_GOES_ON = re.compile(
    rf"[。!?][{CLOSING_MARKS}]+[,;、]?(?=[{OPENING_MARKS}]|又|还|接着|随后|并|更|亦|也|再|和|及|与|以及)"
)
_CLOSED = rf"[{CLOSING_MARKS}]*[。!?;,.…]*[{CLOSING_MARKS}]*[*_]*(?:\[\d+\])*"
# What may stand between a quotation and the source that follows it: a bracket, a dash or the border of a
# table's cell, with the author behind it; or a verb.
_SOURCE_FOLLOWS = re.compile(
    rf"{_CLOSED}(?:[\s>*_]*(?:\([^()\n]{{1,8}}\))?(?:[(〔\[【|]|[—－–\-]+|(?:出处|来源|典出|语出|出自):)"
    rf"\s*[^《》〈〉。!?;|)〕】\]\n{OPENING_MARKS}]{{0,12}}"
    r"|\s*,?(?:(?:这|此|该)?(?:一|两|几|二)?(?:句话?|段话?|首诗|诗句|名句|句诗|语|言))?,?"
    r"(?:其实|实际上|分别|最早|[即便就都均正原本则亦也却语]){0,2}"
    r"(?:语出|典出|出自|出在|源自|源于|出于|见于|见|引自|来自|选自|载于|记载于|收录于|是|为|乃)"
    r"(?![对从以])[^《》〈〉。!?\n]{0,8}(?<![对从以与和同跟比把]))"
)
_SOURCE_VERB = re.compile(r"[自出源于见是为乃引]")
# A title that leads to the quotation behind it: 《论语》“…”; not 《论语》“学而”篇.
_LEADS_TO_NEXT = re.compile(
    rf"(?:《[^《》\n]*》)+[^,。;!?()〔〕【】\[\]|\s《》{OPENING_MARKS}{CLOSING_MARKS}]{{0,10}}[{OPENING_MARKS}]"
    rf"(?![^{CLOSING_MARKS}\n]{{1,8}}[{CLOSING_MARKS}][篇章卷节回首])"
)
# “…”是《大学》思想的体现: to be like a book is not to stand in it.
_IS = re.compile(r"[是为乃][^自出源于见引《]{0,8}\Z")
_RELATED = re.compile(
    r"(?:《[^《》\n]*》)+[^,。;!?《》\n]{0,16}?"
    r"(?:体现|表现|反映|写照|注脚|发挥|化用|改写|延伸|引申|源头|根据|基础|总结|概括|解释|诠释|反面|不同|[之以]外|相通|呼应)"
)
_BARE_SOURCE = re.compile(
    rf"{_CLOSED}[\s>*_]*([(〔【]|[—－–]{{1,3}}|--)\s*(?:出自|语出)?([{IDEOGRAPH}][{IDEOGRAPH}·・\d]{{1,18}})(?=[)〕】\s。]|$)"
)
_NO_SOURCE = re.compile(r"同[上前]|下同|略|译|注|原文|白话|大意|意思|节选|.*[是的这那]")
_QUOTED = re.compile(f"[{CLOSING_MARKS}]")
# The clause before a quotation without the titles in it: who speaks is no part of them.
_TITLES = re.compile(r"[《〈][^《》〈〉]*(?:[》〉]|$)|^[^《》〈〉]*[》〉]")
# Another quotation and a new clause: the title before them is no longer spoken of.
_QUOTED_BETWEEN = re.compile(rf"[{CLOSING_MARKS}][^{CLOSING_MARKS}]*[,;]")


class Tie(IntEnum):
    """How firmly a reply ties a quotation to a source, from not at all to the naming of its place."""

    GLOSSED = 0
    FREE = 1
    MENTIONED = 2
    SPOKEN = 3
    HELD = 4
    PLACED = 5


@dataclass(frozen=True)
class Claim:
    """What a reply says about a quotation.

    ``speaker`` is the clause that leads up to it, folded. ``is_firm`` tells a plain 曰, a colon or a source in
    brackets from looser words, ``is_notion`` that what follows makes it an expression: 「…」的思想.
    """

    tie: Tie
    places: tuple[CitedPlace, ...] = ()
    speaker: str = ""
    is_firm: bool = False
    is_notion: bool = False

    @property
    def cited(self) -> str | None:
        """The place as it stands in the reply, or None where it names none."""
        return "、".join(place.name for place in self.places) or None


def find_claim(
    reply: str, plain: str, quotation: Quotation, *, is_source: Callable[[str], bool] = bool
) -> Claim:
    """Return what the reply says about the quotation; ``plain`` are the reply's folded characters.

    A source right behind it comes first, then the nearest one before it in its sentence, then one after
    it; none is sought further than 300 characters away. What stands there without 《》 is one if ``is_source``
    knows the name.
    """
    start, opening = _sentence_before(plain, quotation)
    phrase = plain[max(start, opening - _PHRASE_CHARACTERS) : opening]
    before = _claim_before(reply, plain, (start, opening), quotation.end)
    behind = _claim_behind(reply, plain, quotation.end, is_source)
    is_first = not _QUOTED.search(plain, start, opening)
    claim = _combine(before, behind, is_first=is_first) or _claim_without_title(
        reply, plain, quotation, phrase
    )
    reach = max(0, opening - _REACH_CHARACTERS)
    return replace(
        claim,
        tie=Tie.GLOSSED if is_mistaken(phrase) or is_rendered(plain[reach:opening]) else claim.tie,
        speaker=claim.speaker or fold(_TITLES.sub("", speaking_clause(phrase)))[-_SPEAKER_CHARACTERS:],
        is_firm=claim.is_firm or is_firm_speech(phrase),
        is_notion=is_notion(plain, quotation.end),
    )


def bare_sources(reply: str, plain: str, quotations: Iterable[Quotation]) -> Iterator[str]:
    """Yield the names without 《》 right behind the quotations and those within them."""
    for quotation in quotations:
        name, _ = _bare_source(reply, plain, quotation.end)
        if name:
            yield name
        yield from bare_sources(reply, plain, quotation.inner)


def _bare_source(reply: str, plain: str, end: int) -> tuple[str, str]:
    """Return the name without 《》 right behind a quotation that ends there, and the sign before it, or ""."""
    bare = _BARE_SOURCE.match(plain, end, end + _REACH_CHARACTERS)
    if not bare or _NO_SOURCE.match(bare[2]):
        return "", ""
    return reply[slice(*bare.span(2))], bare[1]


def _combine(before: Claim | None, behind: Claim | None, *, is_first: bool) -> Claim | None:
    """Join what stands on both sides of a quotation.

    A chapter behind it is one of the book before it; else either may be meant, unless the title before belongs
    to a quotation that stands between.
    """
    if not before or not behind:
        return behind or before
    if before.tie >= Tie.HELD and is_part(behind.cited or ""):
        *others, place = before.places
        inside = replace(place, within=behind.cited or "")
        return replace(before, tie=Tie.PLACED, places=(*others, inside))
    if behind.is_firm or not (is_first or before.tie >= Tie.HELD):
        return behind
    return replace(behind, places=before.places + behind.places)


def _sentence_before(plain: str, quotation: Quotation) -> tuple[int, int]:
    """Return where the sentence that leads up to the quotation starts, and where it ends.

    Above what is set off in lines of its own a short line, such as a poet's name, counts as part of it.
    """
    reach = max(0, quotation.start - _REACH_CHARACTERS)
    opening = reach + len(plain[reach : quotation.start].rstrip(_OPENING))
    ends = [
        match.end()
        for match in _SENTENCE_END.finditer(plain, reach, opening)
        if not _GOES_ON.match(plain, match.start())
    ]
    if quotation.kind in ("block", "verse", "line") and ends:
        last = plain[ends[-1] : opening]
        if len(last) <= _SHORT_LINE_CHARACTERS and "《" not in last:
            ends.pop()
    return ends[-1] if ends else reach, opening


def _claim_behind(reply: str, plain: str, end: int, is_source: Callable[[str], bool]) -> Claim | None:
    """Read a source that follows the quotation at once, in brackets, behind a dash or a verb."""
    places, begin = first_places(reply, end, end + _REACH_CHARACTERS)
    if places and _SOURCE_FOLLOWS.fullmatch(plain, end, begin) and not _is_of_another(plain, begin):
        is_firm = not _SOURCE_VERB.search(plain, end, begin)
        if not (_IS.search(plain, end, begin) and _RELATED.match(plain, begin)):
            return Claim(Tie.PLACED, places, is_firm=is_firm)
    name, sign = _bare_source(reply, plain, end)
    if not name or not is_source(name):
        return None
    tie = Tie.MENTIONED if sign in "(〔【" else Tie.SPOKEN
    return Claim(tie, (CitedPlace(split_title(name), text=name),), fold(name))


def _is_of_another(plain: str, begin: int) -> bool:
    return bool(_LEADS_TO_NEXT.match(plain, begin))


def _claim_before(reply: str, plain: str, sentence: tuple[int, int], quotation_end: int) -> Claim | None:
    """Read the last title of the sentence that leads up to the quotation."""
    start, opening = sentence
    places, end = last_places(reply, start, opening)
    if not places:
        return None
    between = plain[end:opening]
    first = before_enumeration(between, plain, quotation_end)
    lead = between if first is None else first
    if is_no_claim((plain[start:end] + lead)[-_PHRASE_CHARACTERS:]) or comments(
        fold_characters(places[-1].author)
    ):
        return Claim(Tie.GLOSSED, places)
    if leads_on(lead):
        return Claim(Tie.PLACED, places)
    if holds(lead):
        return Claim(Tie.HELD, places)
    return None if _QUOTED_BETWEEN.search(between) else Claim(Tie.MENTIONED, places)


def _claim_without_title(reply: str, plain: str, quotation: Quotation, phrase: str) -> Claim:
    """Judge the words before a quotation that name no title; one in the rest of its sentence is mentioned."""
    places = _places_behind(reply, plain, quotation)
    if is_no_claim(phrase):
        return Claim(Tie.GLOSSED, places)
    return Claim(Tie.SPOKEN if is_speech(phrase) else Tie.FREE, places)


def _places_behind(reply: str, plain: str, quotation: Quotation) -> tuple[CitedPlace, ...]:
    """Return the places named in what is left of the quotation's sentence."""
    sentence_end = _SENTENCE_END.search(plain, quotation.end, quotation.end + _REACH_CHARACTERS)
    if _SENTENCE_END.match(plain, quotation.end - 1):
        return ()
    limit = sentence_end.start() if sentence_end else quotation.end + _REACH_CHARACTERS
    places, begin = first_places(reply, quotation.end, limit)
    return () if _is_of_another(plain, begin) else places
