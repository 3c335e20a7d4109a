"""Decides which number a section's title gives it, so that a missing or misplaced 章 shows."""

import re
from dataclasses import dataclass

from knowledge.formats.numerals import parse_numeral

_PARTS = {"上": 1, "中": 2, "下": 3}
_NUMERAL = "[0-9]+|[零〇一二三四五六七八九十百千两]+"
_TITLE = re.compile(
    rf"^(?P<head>第|卷第?)?(?P<number>{_NUMERAL})(?P<unit>[章回卷篇节品折出])?(?P<part>[上中下])?(?=$|[ 　·：:、.．（(])"
    rf"|^(?P<volume>卷)(?P<only>[上中下])(?=$|[ 　·：:、（(])"
)


@dataclass(frozen=True)
class SectionNumber:
    """A number within a series such as 第…章; ``value`` counts 上, 中 and 下 of one number separately."""

    series: str
    value: tuple[int, int]

    def follows(self, earlier: "SectionNumber") -> bool:
        """Tell whether it may come after another of its series: the next number, or a later part of the same."""
        (number, part), (before, part_before) = self.value, earlier.value
        return number == before + 1 or (number == before and part > part_before)


def number_of(title: str) -> SectionNumber | None:
    """Return the number at the head of a title: 第十二章, 卷三, 第一回 …, 卷上; None if there is none."""
    match = _TITLE.match(title)
    if match is None:
        return None
    if match["volume"]:
        return SectionNumber("卷", (_PARTS[match["only"]], 0))
    if not match["head"] and not match["unit"]:
        return None
    value = parse_numeral(match["number"])
    return SectionNumber(
        f"{match['head'] or ''}…{match['unit'] or ''}", (value, _PARTS.get(match["part"] or "", 0))
    )
