"""Decides which characters of a quotation are compared with the corpus, and which only explain them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from knowledge.folding import fold, fold_characters
from knowledge.quotations.diction import Diction, diction_of
from knowledge.quotations.quoted_spans import MIN_CHARACTERS, count_ideographs, split_ellipsis

Parts: TypeAlias = tuple[str, ...]

# A remark in brackets within a quotation: （音 yuè）, （同“悦”）, or a single character that explains another.
_GLOSS = re.compile(r"[（(\[【〔]([^（）()\[\]【】〔〕\n]{1,40})[）)\]】〕]")
_REMARK = re.compile(
    r"\s*(?:音|同|通|读|讀|注|即|指|谓|謂|按|案|一作|或作|又作|亦作|也作|本作|原作|古|今|意|校)"
)
_PUNCTUATION = re.compile(r"[，。！？；：、,.!?;:\s“”‘’「」『』]+")
_MAX_REMARK_CHARACTERS = 6
_MAX_BARE_REMARK_CHARACTERS = 2
# 不可使（不）知之: a word that turns the meaning round explains nothing, unless it explains another such word.
_TURNS = re.compile("[不非勿无未毋莫弗别休要必须应可能]")
_EXPLAINED_NOT = re.compile("[亡毋无勿弗靡罔匪微莫否][不无没非勿毋未]")


@dataclass(frozen=True)
class Wording:
    """What of a quotation is compared: its folded parts between ellipses, without remarks in brackets.

    ``literal`` are the parts with everything that stands in brackets. ``clauses`` are what stands between its
    marks of punctuation, short ones joined to what follows.
    """

    parts: Parts
    literal: Parts
    clauses: Parts

    @property
    def whole(self) -> str:
        """The parts as one."""
        return "".join(self.parts)


def read_wording(text: str) -> Wording:
    """Fold a quotation; an ellipsis divides it, remarks in brackets are left out."""
    literal = split_ellipsis(text)
    parts = [_without_remarks(part) for part in literal]
    clauses = (clause for part in parts for clause in _PUNCTUATION.split(part))
    return Wording(_fold_all(parts), _fold_all(literal), tuple(_join_short(_fold_all(clauses))))


def _fold_all(texts: Iterable[str]) -> Parts:
    return tuple(filter(None, map(fold, texts)))


def _join_short(clauses: Parts) -> Iterator[str]:
    pending = ""
    for clause in clauses:
        pending += clause
        if len(pending) >= MIN_CHARACTERS:
            yield pending
            pending = ""
    if pending:
        yield pending


def _without_remarks(text: str) -> str:
    return _GLOSS.sub(lambda gloss: "" if _is_remark(gloss) else gloss[0], text)


def _is_remark(gloss: re.Match[str]) -> bool:
    length = count_ideographs(gloss[1])
    if _REMARK.match(gloss[1]) and length <= _MAX_REMARK_CHARACTERS:
        return True
    if gloss[0][0] not in "（(" or length > _MAX_BARE_REMARK_CHARACTERS:
        return not length or diction_of(gloss[1]) is Diction.MODERN
    remark = fold_characters(gloss[1])
    explained = fold_characters(gloss.string[: gloss.start()][-1:]) + remark
    return not _TURNS.search(remark) or bool(_EXPLAINED_NOT.fullmatch(explained))
