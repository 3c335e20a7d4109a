"""Decides how much a decoded text reads like Chinese: what its characters are, and how common they are.

The score is the logarithm of how much likelier the text is under a model of Chinese than a random one is.
"""

import unicodedata
from collections import Counter
from functools import lru_cache
from itertools import pairwise
from math import exp, log
from pathlib import Path

from knowledge.folding import fold_characters, is_cjk

_STARTER_FOLDER = Path(__file__).resolve().parents[1] / "starter"
_MODERN = (
    "的了是在我有他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家种事成方多经么去法学如都同现当"
    "没动面起看定天分还进好小部其些主样理心她本前开但因只从想实日"
)
_MODERN_WEIGHT = 200
# A random pair of bytes that decodes at all is one of about so many characters.
_RANDOM = 1 / 13_000
_KNOWN_SHARE = 0.75
# How likely a character is that the count does not know, by the list of the standards on which it stands.
_UNKNOWN = {1: 0.25 / 6000, 2: 0.02 / 8000, 3: 0.002 / 15_000}
_STOPS, _STOP, _MARK, _OTHER = "，。", 0.02, 0.003, 1e-5
_MARKS = frozenset("、；：？！“”‘’「」『』《》〈〉（）【】〔〕—…·　○□〖〗～＂")
_CONTROL, _UNASSIGNED = exp(-6), exp(-8)
# A text may be a list of rare characters: the second list of its own standard (how many characters that list
# has), in part or whole. Such texts are rarer than others.
_RARE_LISTS = {
    "gb18030": {"gb2312 level 2": 3008, "gbk": 14_000, "gb18030": 40_000},
    "cp950": {"big5 level 2": 7652},
    "big5hkscs": {"big5 level 2": 7652},
}
_RARE_SHARES = ((0.5, -3.0), (1.0, -6.0))
_LEAST = 1e-5
_PAIR_BONUS = 3.0


def score(text: str, codec: str) -> float:
    """Return the log-odds of the text, which ``codec`` has decoded, against random bytes; the more the better."""
    usual = [_usual(character) for character in text]
    best = sum(log(odds + _LEAST) for odds in usual)
    rare = [_rare_list(character, codec) for character in text]
    for name, size in _RARE_LISTS.get(codec, {}).items():
        odds_in_list = 1 / size / _RANDOM
        for share, malus in _RARE_SHARES:
            total = malus + sum(
                log((1 - share) * odds + (share * odds_in_list if own == name else 0) + _LEAST)
                for odds, own in zip(usual, rare, strict=True)
            )
            best = max(best, total)
    folded = fold_characters(text)
    return best + _PAIR_BONUS * sum(first + second in _known_pairs() for first, second in pairwise(folded))


@lru_cache(maxsize=1)
def _classics() -> str:
    """Return the classics that come with the program, folded."""
    paths = sorted(_STARTER_FOLDER.glob("*.md"))
    return "\n".join(fold_characters(path.read_text(encoding="utf-8")) for path in paths)


@lru_cache(maxsize=1)
def _frequencies() -> dict[str, float]:
    """Count the characters of those classics, with the commonest modern words added."""
    counts = Counter(dict.fromkeys(_MODERN, _MODERN_WEIGHT))
    counts.update(filter(is_cjk, _classics()))
    total = counts.total()
    return {character: count / total for character, count in counts.items()}


@lru_cache(maxsize=1)
def _known_pairs() -> frozenset[str]:
    """Return the pairs of characters in those classics: a pair that means something is no accident."""
    pairs = (first + second for first, second in pairwise(_classics()))
    return frozenset(pair for pair in pairs if is_cjk(pair[0]) and is_cjk(pair[1]))


@lru_cache(maxsize=65_536)
def _usual(character: str) -> float:
    """Return how much likelier the character is in a usual Chinese text than in a random one."""
    if is_cjk(character):
        known = _frequencies().get(fold_characters(character), 0.0)
        return (_KNOWN_SHARE * known + _UNKNOWN[_level(character)]) / _RANDOM
    if character in _STOPS:
        return _STOP / _RANDOM
    if character in _MARKS:
        return _MARK / _RANDOM
    if character.isascii():
        return 1.0 if character.isprintable() or character in "\n\r\t" else _CONTROL
    return _UNASSIGNED if unicodedata.category(character) in ("Co", "Cn", "Cc", "Cs") else _OTHER / _RANDOM


def _level(character: str) -> int:
    """Return 1 for the common characters of GB 2312 or Big5, 2 for their rare ones, 3 for all others."""
    simplified, traditional = _encoded(character, "gb2312"), _encoded(character, "big5")
    if b"\xb0" <= simplified < b"\xd8" or b"\xa4" <= traditional < b"\xc7":
        return 1
    return 2 if simplified or traditional else 3


@lru_cache(maxsize=65_536)
def _rare_list(character: str, codec: str) -> str:
    """Return on which list of rare characters of the codec's own standard it stands, or ""."""
    if not is_cjk(character):
        return ""
    if codec != "gb18030":
        return "big5 level 2" if _encoded(character, codec) >= b"\xc9" else ""
    if simplified := _encoded(character, "gb2312"):
        return "gb2312 level 2" if simplified >= b"\xd8" else ""
    return "gbk" if _encoded(character, "gbk") else "gb18030"


def _encoded(character: str, codec: str) -> bytes:
    try:
        return character.encode(codec)
    except UnicodeEncodeError:
        return b""
