"""Decides how Chinese numerals in titles are read, so that 第十章 follows 第九章, and how numbers are written."""

import re

_DIGITS = {character: value for value, character in enumerate("〇一二三四五六七八九")} | {
    "零": 0,
    "两": 2,
    "元": 1,
}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_ORDINALS = {"上": 1, "中": 2, "下": 3}
_NUMBER = re.compile(r"[0-9]+|[〇零一二三四五六七八九十百千两]+|元(?=年)|[上中下](?=$|[篇卷编部])")


def parse_numeral(text: str) -> int:
    """Read a numeral: 一百二十, 二〇, 15 or 上; raises ``KeyError`` or ``ValueError`` for anything else."""
    if text.isdecimal():
        return int(text)
    if text in _ORDINALS:
        return _ORDINALS[text]
    if not any(unit in text for unit in _UNITS):
        return int("".join(str(_DIGITS[character]) for character in text))
    total = digit = 0
    for character in text:
        if character in _UNITS:
            total, digit = total + (digit or 1) * _UNITS[character], 0
        else:
            digit = _DIGITS[character]
    return total + digit


def reading_order(title: str) -> tuple[tuple[int, int, str], ...]:
    """Return a sort key by which numbered titles follow each other; other titles go by their characters."""
    key: list[tuple[int, int, str]] = []
    position = 0
    for match in _NUMBER.finditer(title):
        if before := title[position : match.start()]:
            key.append((1, 0, before))
        key.append((0, parse_numeral(match[0]), ""))
        position = match.end()
    if rest := title[position:]:
        key.append((1, 0, rest))
    return tuple(key)


def write_numeral(number: int) -> str:
    """Write a number below 10 000 as in 卷一百二十三."""
    digits, units = "零一二三四五六七八九", ("", "十", "百", "千")
    written = "".join(
        digits[int(digit)] + (units[place] if digit != "0" else "")
        for place, digit in zip(range(len(str(number)) - 1, -1, -1), str(number), strict=True)
    )
    written = re.sub("零+", "零", written).rstrip("零") or "零"
    return written.removeprefix("一") if 10 <= number < 20 else written
