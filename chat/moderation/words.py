"""Decides where a text has a listed word, however it is written or spaced out."""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import ahocorasick

from chat.errors import WordRefused
from chat.models import SensitiveWord
from knowledge.folding import fold_characters

# So much may stand between two characters of a word. Between paragraphs there is more: 。」, a break, an indent, 「.
MAX_GAP = 4
MIN_CHARACTERS = 2
# Two clauses may meet so that the end of one and the beginning of the other make a short word.
_CLAUSE_MARKS = frozenset("，。；：、？！…—\n,;?!")
_SHORT_WORD = 2
_LAST_OF_BMP = 0xFFFF
# Letters for Unicode, nothing for the eye.
_FILLERS = frozenset("\u115f\u1160\u3164\uffa0")
_INVISIBLE = frozenset({"Cf", "Mn", "Me"})


@dataclass(frozen=True)
class Word:
    """A listed word, and whether a text that has it is blocked or only flagged."""

    text: str
    category: str = ""
    is_blocking: bool = True


@dataclass(frozen=True)
class Hit:
    """Where a text has a word (``start`` and ``end`` in characters of the text), and whether that blocks it."""

    word: Word
    start: int
    end: int
    blocks: bool


class WordList:
    """The words, ready to be looked for; never changed, and safe to share between threads."""

    def __init__(self, words: Iterable[Word]) -> None:
        by_skeleton: dict[str, Word] = {}
        for word in words:
            skeleton = skeleton_of(word.text)
            known = by_skeleton.get(skeleton)
            if skeleton and (known is None or not known.is_blocking):
                by_skeleton[skeleton] = word
        self._automaton = ahocorasick.Automaton()
        for skeleton, word in by_skeleton.items():
            self._automaton.add_word(_in_bytes(skeleton), (skeleton, word))
        self._automaton.make_automaton()
        self._count = len(by_skeleton)
        self.longest = max(map(len, by_skeleton), default=0)

    def __len__(self) -> int:
        return self._count

    def touches(self, skeleton: str) -> bool:
        """Tell whether a folded text may have a word: quick, and ``find`` has the last word."""
        return bool(self._count) and next(self._automaton.iter(_in_bytes(skeleton)), None) is not None

    def find(self, text: str) -> list[Hit]:
        """Return every word that the text has, in the order of their ends."""
        skeleton = skeleton_of(text)
        if not self.touches(skeleton):
            return []
        table = _skeletons()
        places = [place for place, character in enumerate(text) if table[ord(character)] is not None]
        encoded = _in_bytes(skeleton)
        hits, end, end_byte = [], 0, 0
        for last_byte, (letters, word) in self._automaton.iter(encoded):
            end += len(encoded[end_byte : last_byte + 1].encode("latin-1").decode())
            end_byte = last_byte + 1
            hit = _hit(text, places[end - len(letters) : end], word)
            if hit is not None:
                hits.append(hit)
        return hits


def skeleton_of(text: str) -> str:
    """Return the letters, digits and ideographs of a text, folded; spaces, marks and what is invisible are dropped."""
    return text.translate(_skeletons())


def check_word(text: str) -> None:
    """Raise WordRefused for a word that cannot be looked for, or would stand in every text."""
    if len(skeleton_of(text)) < MIN_CHARACTERS:
        raise WordRefused(f"「{text}」太短：去掉标点与空格后至少要有 {MIN_CHARACTERS} 个字。")
    limit = SensitiveWord._meta.get_field("word").max_length
    if limit is not None and len(text) > limit:
        raise WordRefused(f"「{text[:20]}…」太长：至多 {limit} 个字。")


def _hit(text: str, places: list[int], word: Word) -> Hit | None:
    """Return the hit whose characters stand at ``places``, unless they are too far apart or part of a longer one."""
    start, end = places[0], places[-1] + 1
    if is_latin(text[start]) and start and is_latin(text[start - 1]):
        return None
    if is_latin(text[end - 1]) and end < len(text) and is_latin(text[end]):
        return None
    if end - start == len(places):
        return Hit(word, start, end, word.is_blocking)
    between = [text[left + 1 : right] for left, right in pairwise(places)]
    if any(_visible(gap) > MAX_GAP for gap in between):
        return None
    may_be_chance = len(places) <= _SHORT_WORD and not _CLAUSE_MARKS.isdisjoint("".join(between))
    return Hit(word, start, end, word.is_blocking and not may_be_chance)


def _visible(gap: str) -> int:
    return sum(unicodedata.category(each) not in _INVISIBLE and each not in _FILLERS for each in gap)


def is_latin(character: str) -> bool:
    """Tell whether the character is a Latin letter or a digit: such words end where no other follows."""
    folded = _skeletons()[ord(character)]
    return folded is not None and folded < 0x250


def _in_bytes(skeleton: str) -> str:
    """Write the text as one character for each byte of its UTF-8.

    The automaton looks through the branches of a node one by one: thousands for ideographs, at most 64 for bytes.
    """
    return skeleton.encode("utf-8", "replace").decode("latin-1")


class _Skeletons(dict[int, int | None]):
    """What ``str.translate`` asks for each code point, worked out when first asked for; bounded as in the folding."""

    def __missing__(self, code: int) -> int | None:
        folded = _folded(chr(code))
        if code <= _LAST_OF_BMP:
            self[code] = folded
        return folded


@lru_cache(maxsize=1)
def _skeletons() -> _Skeletons:
    return _Skeletons()


def _folded(character: str) -> int | None:
    """Fold a character to half-width, lower case, simplified; None for what is no letter, digit or ideograph."""
    normal = unicodedata.normalize("NFKC", character)
    folded = fold_characters(normal if len(normal) == 1 else character).casefold()
    is_kept = len(folded) == 1 and folded.isalnum() and character not in _FILLERS
    return ord(folded) if is_kept else None
