"""Decides what a reply says about a quotation: where it stands, who said it, or that it is no quotation at all."""

import re
from dataclasses import dataclass, replace
from enum import IntEnum

from knowledge.folding import IDEOGRAPH, fold
from knowledge.quotations.cited_places import CitedPlace, first_places, last_places, split_title
from knowledge.quotations.quotation_marks import CLOSING_MARKS, OPENING_MARKS
from knowledge.quotations.quoted_spans import Quotation
from knowledge.quotations.turns_of_phrase import (
    is_firm_speech,
    is_no_claim,
    is_notion,
    is_speech,
    last_clause,
    leads_on,
)

# A place is sought no further away than this; speaker and turn of phrase stand closer.
_REACH_CHARACTERS = 300
_PHRASE_CHARACTERS = 40
_SPEAKER_CHARACTERS = 14
_SHORT_LINE_CHARACTERS = 14

# Written in half-width and simplified characters: it is sought in folded characters.
_OPENING = f" \t\n\r>*_{OPENING_MARKS}"
_SENTENCE_END = re.compile(r"[。!?\n]")
_GOES_ON = re.compile(rf"[。!?][{CLOSING_MARKS}]+[,;、]?(?=又|还|接着|随后|并|更|亦|也|再|和|及|与|以及)")
_CLOSED = rf"[{CLOSING_MARKS}]*[。!?;,.…]*[{CLOSING_MARKS}]*[*_]*(?:\[\d+\])*"
# What may stand between a quotation and the source that follows it.
_SOURCE_FOLLOWS = re.compile(
    rf"{_CLOSED}(?:[\s>*_]*(?:[(〔\[【]|[—－–\-]+|(?:出处|来源|典出|语出|出自):)\s*[^《》〈〉。!?\n]{{0,12}}"
    r"|\s*,?(?:(?:这|此|该)?(?:一|两|几|二)?(?:句话?|段话?|首诗|诗句|名句|句诗|语|言))?,?(?:即|便|就|都|正|原|最早|语)?"
    r"(?:语出|典出|出自|出在|源自|源于|出于|见于|见|引自|来自|选自|载于|记载于|收录于|是|为|乃)(?!对|从|以)[^《》〈〉。!?\n]{0,8})"
)
_SOURCE_VERB = re.compile(r"[自出源于见是为乃引]")
_BARE_SOURCE = re.compile(
    rf"{_CLOSED}[\s>*_]*([(〔【]|[—－–]{{1,3}}|--)\s*(?:出自|语出)?([{IDEOGRAPH}][{IDEOGRAPH}·・\d]{{1,18}})(?=[)〕】\s。]|$)"
)
_SAME_AGAIN = re.compile(r"同[上前]|下同|略")
# Another quotation and a new clause: the title before them is no longer spoken of.
_QUOTED_BETWEEN = re.compile(rf"[{CLOSING_MARKS}][^{CLOSING_MARKS}]*[,;]")


class Tie(IntEnum):
    """How firmly a reply ties a quotation to a source, from not at all to the naming of its place."""

    GLOSSED = 0
    FREE = 1
    MENTIONED = 2
    SPOKEN = 3
    PLACED = 4


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
        return "、".join(place.text for place in self.places) or None


def find_claim(reply: str, plain: str, quotation: Quotation) -> Claim:
    """Return what the reply says about the quotation; ``plain`` are the reply's folded characters.

    A source right behind it comes first, then the nearest one before it in its sentence, then one after
    it; none is sought further than 300 characters away.
    """
    start, opening = _sentence_before(plain, quotation)
    phrase = plain[max(start, opening - _PHRASE_CHARACTERS) : opening]
    before = _claim_before(reply, plain, start, opening, phrase)
    claim = _claim_behind(reply, plain, quotation)
    if claim and before and not claim.is_firm:
        claim = replace(claim, places=before.places + claim.places)
    claim = claim or before or _claim_without_title(reply, plain, quotation, phrase)
    return replace(
        claim,
        speaker=claim.speaker or fold(last_clause(phrase))[-_SPEAKER_CHARACTERS:],
        is_firm=claim.is_firm or is_firm_speech(phrase),
        is_notion=is_notion(plain, quotation.end),
    )


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


def _claim_behind(reply: str, plain: str, quotation: Quotation) -> Claim | None:
    """Read a source that follows the quotation at once, in brackets, behind a dash or a verb."""
    limit = quotation.end + _REACH_CHARACTERS
    places, begin = first_places(reply, quotation.end, limit)
    if places and _SOURCE_FOLLOWS.fullmatch(plain, quotation.end, begin):
        return Claim(Tie.PLACED, places, is_firm=not _SOURCE_VERB.search(plain, quotation.end, begin))
    bare = _BARE_SOURCE.match(plain, quotation.end, limit)
    if not bare or _SAME_AGAIN.match(bare[2]):
        return None
    name = reply[slice(*bare.span(2))]
    tie = Tie.MENTIONED if bare[1] in "(〔【" else Tie.SPOKEN
    return Claim(tie, (CitedPlace(split_title(name), text=name),), fold(name))


def _claim_before(reply: str, plain: str, start: int, opening: int, phrase: str) -> Claim | None:
    """Read the last title of the sentence that leads up to the quotation."""
    places, end = last_places(reply, start, opening)
    if not places:
        return None
    between = plain[end:opening]
    if is_no_claim(phrase):
        return Claim(Tie.GLOSSED, places)
    if leads_on(between):
        return Claim(Tie.PLACED, places)
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
    return first_places(reply, quotation.end, limit)[0]
