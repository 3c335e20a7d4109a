"""Decides whether a passage stands where a 《书·篇》 says."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self

from knowledge.folding import fold
from knowledge.models import Passage, Section, Work

Attribution = Literal["right", "wrong", "unknown"]

_SEPARATOR = re.compile(r"[·・•‧／/]|\s+")
_NUMBERED = re.compile(r"(?<=.)(?:第[〇零一二三四五六七八九十百]+)$")
_COUNTER = re.compile(r"(?<=.)[篇章]$")


@dataclass(frozen=True)
class Places:
    """The folded names by which works are known, each with the ids of the works that bear it."""

    works: dict[str, set[int]]

    @classmethod
    def load(cls) -> Self:
        """Read the names of all works."""
        works: dict[str, set[int]] = {}
        for work in Work.objects.only("title", "aliases"):
            for name in work.names:
                works.setdefault(fold(name), set()).add(work.pk)
        return cls(works)


def judge_place(cited: str | None, passage: Passage, places: Places) -> Attribution:
    """Compare the cited place with the passage's own.

    Unknown when no place is cited, or one that is neither a work of the corpus nor a section of the passage.
    """
    parts = [fold(part) for part in _SEPARATOR.split(cited or "") if fold(part)]
    if not parts:
        return "unknown"
    own = section_names(passage.section)
    named = places.works.get(parts[0])
    if named is None:
        return "right" if all(_is_among(part, own) for part in (fold(cited or ""), *parts)[:1]) else "unknown"
    if passage.work_id not in named:
        return "wrong"
    return "right" if all(_is_among(part, own) for part in parts[1:]) else "wrong"


def section_names(section: Section | None) -> list[str]:
    """Return the folded titles on the way to the section, and the whole way as one."""
    if section is None:
        return []
    return [fold(section.path), *(fold(part) for part in section.path.split("·"))]


def _is_among(part: str, names: Sequence[str]) -> bool:
    return _plain(part) in {_plain(name) for name in names}


def _plain(name: str) -> str:
    """Drop what editions add to a title: 为政篇, 为政第二 and 为政篇第二 are 为政; 第八章 stays."""
    return _COUNTER.sub("", _NUMBERED.sub("", name)) if not name.startswith("第") else name
