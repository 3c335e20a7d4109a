"""Decides when two names of a place in a book are the same: 为政, 为政篇, 为政第二; 第八章, 第8章, 八章."""

import re
from dataclasses import dataclass

from knowledge.folding import fold

_DIGITS = "〇一二三四五六七八九"
_UNITS = {"十": 10, "百": 100, "千": 1000}
_NUMERAL = "[〇零一二三四五六七八九十百千两]+"
_COUNTER = "[篇章卷回节首则品讲]"
_ARABIC = re.compile(r"\d{1,4}")
_NUMBERED = re.compile(rf"(.*?)(?:卷之?第?|第)?({_NUMERAL}){_COUNTER}?")
_COUNTED = re.compile(rf"(?<=.){_COUNTER}$")
_HALVES = "上中下"
_LONGEST_NUMERAL = 8


@dataclass(frozen=True)
class PlaceName:
    """The name of a 篇, 章 or poem, folded and without 篇 at its end, and its number; "" and None where it has none."""

    name: str
    number: int | None = None

    def __bool__(self) -> bool:
        return bool(self.name) or self.number is not None

    def is_same(self, other: "PlaceName") -> bool:
        """Tell whether both may name the same place: what both of them tell agrees.

        梁惠王 is 梁惠王上 as well as 梁惠王下, which are two.
        """
        if None not in (self.number, other.number):
            agrees = self.number == other.number
            return agrees and ("" in (self.name, other.name) or _are_halves(self.name, other.name))
        return bool(self.name and other.name) and _are_halves(self.name, other.name)


def read_place_name(name: str) -> PlaceName:
    """Take the name apart, in whatever script, figures and counters it is written."""
    folded = fold(_ARABIC.sub(lambda figures: _to_chinese(int(figures[0])), name))
    numbered = _NUMBERED.fullmatch(folded)
    if numbered and len(folded) > 1:
        return PlaceName(_COUNTED.sub("", numbered[1]), _to_number(numbered[2]))
    return PlaceName(_COUNTED.sub("", folded))


def _are_halves(name: str, other: str) -> bool:
    shorter, longer = sorted((name, other), key=len)
    return name == other or (len(shorter) > 1 and longer[:-1] == shorter and longer[-1] in _HALVES)


def _to_chinese(number: int) -> str:
    digits = [_DIGITS[int(figure)] for figure in str(number)]
    units = ("千", "百", "十", "")[-len(digits) :]
    text = "".join(digit + unit for digit, unit in zip(digits, units, strict=True) if digit != "〇")
    return text.removeprefix("一") if 10 <= number < 20 else text or "〇"


def _to_number(numeral: str) -> int:
    """Read 十二, 一百零八, 二一 and the like."""
    total = pending = 0
    for character in numeral[:_LONGEST_NUMERAL]:
        if character in _UNITS:
            total += max(1, pending) * _UNITS[character]
            pending = 0
        else:
            pending = 10 * pending + _DIGITS.find(character.replace("零", "〇").replace("两", "二"))
    return total + pending
