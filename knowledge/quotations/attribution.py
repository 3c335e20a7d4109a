"""Decides whether a passage stands where the reply says."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from knowledge.folding import fold
from knowledge.models import Place
from knowledge.quotations.cited_places import CitedPlace, split_title
from knowledge.quotations.claims import Claim, Tie
from knowledge.quotations.place_names import PlaceName, read_place_name
from knowledge.quotations.work_names import WorkNames, names_in

Attribution = Literal["right", "wrong", "unknown"]

# Who speaks in the Analects; a passage there says of each word whose it is.
_CONFUCIUS = "孔子"
_ALIASES = {
    **dict.fromkeys(("子", "孔夫子", "夫子", "仲尼", "孔丘", "孔圣人", "至圣先师"), _CONFUCIUS),
    **{"有若": "有子", "曾参": "曾子", "颜回": "颜渊", "冉求": "冉有", "宰予": "宰我"},
}
_DISCIPLES = "有子|曾子|子夏|子贡|子路|子张|子游|颜渊|冉有|宰我|有若|曾参|颜回|冉求|宰予"
_NAMED = re.compile(rf"{_DISCIPLES}|孔夫子|孔子|夫子|仲尼|孔丘|孔圣人|至圣先师|^子(?=[曰云说言]|$)")
_SPEAKS = re.compile(rf"({_DISCIPLES}|孔子|子)?(?:对)?曰")
_KNOWN_BY = 6


@dataclass(frozen=True)
class Location:
    """Where a passage stands: in which work, at which place, and which number its section has in the order."""

    work_id: int
    place: Place
    section_ordinal: int = 0

    @cached_property
    def sections(self) -> list[PlaceName]:
        """The names of the sections that lead to the passage, and of the whole way."""
        parts = (self.place.path, *split_title(self.place.path))
        return [name for part in parts if (name := read_place_name(part))]


def judge(claim: Claim, location: Location, names: WorkNames) -> Attribution:
    """Tell whether the passage stands at one of the places that the claim names, or is by the one who speaks.

    A speaker alone is right or unknown, never wrong; what is wrong here is so only if ``may_be_wrong``.
    """
    judged = [_judge_place(place, location, names) for place in claim.places]
    if "right" in judged:
        return "right"
    if judged and claim.tie >= Tie.HELD:
        is_open = "unknown" in judged or (claim.tie is Tie.HELD and claim.is_notion)
        return "unknown" if is_open else "wrong"
    return "right" if _is_by(claim.speaker, location, names) else "unknown"


def may_be_wrong(claim: Claim, names: WorkNames) -> bool:
    """Tell whether the corpus has each of the places that the claim names, and has it as a whole.

    Only then does it prove something that a quotation stands elsewhere. Asks the database.
    """
    return all(_has(place, names) for place in claim.places)


def is_known(claim: Claim, names: WorkNames) -> bool | None:
    """Tell whether the corpus has one of the works or titled pieces that the claim names.

    None where it names none: 第八章 is one of any book.
    """
    parts = {part for place in claim.places for part in (*place.parts, place.text)}
    named = {part for part in parts if read_place_name(part).name}
    return any(fold(part) in names.works or names.has_section(part) for part in named) if named else None


def cited_works(claims: Sequence[Claim], names: WorkNames) -> frozenset[int]:
    """Return the ids of all works that the claims name."""
    parts = (fold(part) for claim in claims for place in claim.places for part in place.parts)
    return frozenset().union(*(names.works.get(part, frozenset()) for part in parts))


def _speaks_in(speaker: str, folded: str) -> bool:
    """Tell whether the passage's folded text says that someone named in the clause speaks: 子贡曰."""
    return any(f"{name}曰" in folded for name in names_in(speaker.rstrip("曰云说")) if name[-1] not in "曰云")


def soften(attribution: Attribution, claim: Claim, text: str, source: str) -> Attribution:
    """Soften the verdict on the place by what the passage itself says: 《诗》云, 曾子曰.

    ``source`` is what of the passage is quoted, folded.
    """
    parts = [part for place in claim.places for part in place.parts]
    if attribution == "wrong" and any(f"《{part}》" in text for part in parts):
        return "unknown"
    said = fold(text)
    if attribution == "unknown" and claim.tie < Tie.HELD and _speaks_in(claim.speaker, said):
        return "right"
    if attribution == "right" and not claim.places and _is_said_by_another(claim.speaker, said, source):
        return "unknown"
    return attribution


def _is_said_by_another(speaker: str, said: str, source: str) -> bool:
    """Tell whether the one who speaks last before the quoted words is none of those whom the clause names."""
    named = {_ALIASES.get(name, name) for name in _NAMED.findall(speaker)}
    speaking = [match[1] for match in _SPEAKS.finditer(said, 0, max(0, said.find(source[:_KNOWN_BY])))]
    if not named or not speaking or not speaking[-1]:
        return False
    return _ALIASES.get(speaking[-1], speaking[-1]) not in named


def _judge_place(place: CitedPlace, location: Location, names: WorkNames) -> Attribution:
    named = _named_works(place, names)
    own = [index for index, works in enumerate(named) if location.work_id in works]
    if own:
        sections = place.parts[own[-1] + 1 :]
        if sections and not any(_is_among(part, location) for part in sections):
            return "wrong"
        within = _judge_within(place.within, location, names)
        return "right" if sections and within == "unknown" else within
    # Every book has a first chapter: its number says nothing once the place names a book.
    titles = [part for part in place.parts if len(place.parts) == 1 or read_place_name(part).name]
    if any(_is_among(part, location) for part in (*titles[:1], *titles[-1:])):
        return "wrong" if _is_by_another(place.author, location, names) else "right"
    return "wrong"


def _has(place: CitedPlace, names: WorkNames) -> bool:
    """Tell whether the corpus has the place: the whole work and its section, or a piece of that title."""
    named = _named_works(place, names)
    works = frozenset().union(*named)
    if not works:
        return any(map(names.has_section, (*place.parts, place.text)))
    last = max(index for index, ids in enumerate(named) if ids)
    sections = place.parts[last + 1 :]
    if sections:
        return any(names.has_section_in(named[last], part) for part in sections)
    return not works & names.partial


def _named_works(place: CitedPlace, names: WorkNames) -> list[frozenset[int]]:
    """Return for each part of the place the works that bear its name."""
    return [names.works.get(fold(part), frozenset()) for part in place.parts]


def _judge_within(within: str, location: Location, names: WorkNames) -> Attribution:
    """Tell whether the words behind a title name another section of the passage's work than its own.

    What a number counts in a book whose sections have names is anybody's guess.
    """
    cited = read_place_name(within)
    if not cited or _is_among(within, location):
        return "right"
    if not cited.name:
        return "wrong" if any(not own.name for own in location.sections) else "unknown"
    return "wrong" if names.has_section_in(frozenset((location.work_id,)), within) else "right"


def _is_among(part: str, location: Location) -> bool:
    cited = read_place_name(part)
    if cited == PlaceName("", location.section_ordinal):
        return True
    return any(cited.is_same(own) for own in location.sections)


def _is_by_another(words: str, location: Location, names: WorkNames) -> bool:
    """Tell whether the words before a title name a writer known to the corpus, who is not the passage's."""
    author = fold(location.place.author)
    known = {name for name in names_in(fold(words)) if name in names.people}
    return bool(author) and bool(known) and author not in known


def _is_by(speaker: str, location: Location, names: WorkNames) -> bool:
    """Tell whether the clause that leads to the quotation names the passage's author or one who speaks there."""
    author = fold(location.place.author)
    return any(
        (len(name) > 1 and name == author) or location.work_id in names.works_of(name)
        for name in (speaker.rstrip("曰云"), *names_in(speaker))
    )
