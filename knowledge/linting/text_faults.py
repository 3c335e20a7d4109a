"""Decides what is wrong with one text: garbled or missing characters, mixed scripts, leftovers, open marks."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import opencc


@dataclass(frozen=True)
class Fault:
    """What is wrong, and where in the text it first shows (characters from 0)."""

    code: str
    position: int


def _find(pattern: re.Pattern[str] | str) -> Callable[[str], int | None]:
    compiled = re.compile(pattern)

    def find(text: str) -> int | None:
        match = compiled.search(text)
        return match.start() if match else None

    return find


# Bytes 0x80-0xBF as Latin-1 and Windows-1252 show them: what follows the lead byte of a UTF-8 character.
_CONTINUATION = "\x80-\xbf" + "".join(
    bytes([code]).decode("cp1252") for code in range(0x80, 0xA0) if code not in (0x81, 0x8D, 0x8F, 0x90, 0x9D)
)
_READ_AS_LATIN = rf"[\xe2-\xef][{_CONTINUATION}]{{2}}|[\xa1-\xb6\xb8-\xd6\xd8-\xf6\xf8-\xfe]{{4,}}"
# 锟斤拷 is U+FFFD saved and read as GBK; 烫 and 屯 are uninitialised memory; 锛, 銆 and 鈥 begin the commonest
# punctuation marks when UTF-8 is read as GBK.
_READ_AS_GBK = r"锟斤拷|烫烫烫|屯屯屯|(?:[锛銆鈥][^锛銆鈥]{0,40}){3}"
_UTF8_IN_GBK = re.compile(rb"(?:[\xe4-\xe9][\x80-\xbf]{2}){4,}")
_MARKUP = re.compile(
    r"&(?:[a-zA-Z]{2,8}|#\d{2,7}|#x[0-9a-fA-F]{2,6});"
    r"|</?[a-zA-Z][^<>]{0,80}>"
    r"|https?://\S+|www\.\S+"
    r"|\*\*|__|```|!?\[[^\[\]]*\]\([^()]*\)"
    r"|^(?:#{1,6}|>|[-*+]|\d+\.)[ \t]",
    re.MULTILINE,
)
_COMPOSED = r"[\u2ff0-\u2fff]|\[[^\[\]\n]{0,20}[*@/+][^\[\]\n]{0,20}\]|[{｛][^{}｛｝\n]{1,12}[}｝]"
_MISSING = (
    r"[□■▢▣●〓◻◼▯▮\ufffc]|[?？]{3,}"
    r"|[（(\[【〔](?:原?[缺阙闕]|残[缺]?|以下[缺阙闕])[一二三四五六七八九十数\d]*[字文]?[）)\]】〕]"
)
_LETTERS = re.compile(
    r"[A-Za-zＡ-Ｚａ-ｚ\u00c0-\u024f\u0370-\u052f\u3041-\u3096\u30a1-\u30fa\u3105-\u312f\uac00-\ud7a3]"
)
# Characters that no rule below objects to in any order: most texts have no others.
_PLAIN = re.compile("[\u3400-\u9fff\U00020000-\U000323af，。、；：！？“”‘’「」『』《》〈〉…—·\n \u3000]*")
_RULES: dict[str, Callable[[str], int | None]] = {
    "replacement_character": _find("\ufffd"),
    "private_use": _find("[\ue000-\uf8ff\U000f0000-\U0010ffff]"),
    "control_character": _find("[\x00-\x08\x0b-\x1f\x7f-\x84\x86-\x9f\u2028\u2029\ufff9-\ufffb]"),
    "zero_width": _find("[\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]"),
    "missing_character": _find(_MISSING),
    "composed_character": _find(_COMPOSED),
    "markup": _find(_MARKUP),
    "digits": _find(r"[0-9０-９\u2460-\u249b\u24ea-\u24ff\u2776-\u2793\u3220-\u3229]"),
}


def find_faults(text: str) -> list[Fault]:
    """Return the first place of each fault of a text by itself; open marks are ``OpenMarks``' matter."""
    found = {"mojibake": _find_mojibake(text), "mixed_script": _find_mixed_script(text)}
    if not _PLAIN.fullmatch(text):
        found |= {code: find(text) for code, find in _RULES.items()}
        letters = _LETTERS.search(_MARKUP.sub(lambda match: " " * len(match[0]), text))
        found["foreign_letters"] = letters.start() if letters and found["mojibake"] is None else None
    return [Fault(code, position) for code, position in found.items() if position is not None]


def find_garbling(text: str) -> list[Fault]:
    """Return the faults that a modern translation may not have either: what a reader cannot see or read."""
    return [fault for fault in find_faults(text) if fault.code in _GARBLING]


_GARBLING = frozenset({"replacement_character", "mojibake", "private_use", "control_character", "zero_width"})


def script_of(text: str) -> str:
    """Return the script of a text, "simplified" or "traditional"; "" if it could be either, or is both."""
    simplified, traditional = _scripts()
    characters = set(text)
    is_simplified = not simplified.isdisjoint(characters)
    is_traditional = len(characters & traditional) >= _SURE_OF_SCRIPT
    if is_simplified == is_traditional:
        return ""
    return "simplified" if is_simplified else "traditional"


_SURE_OF_SCRIPT = 2


def _find_mojibake(text: str) -> int | None:
    """Find text that was decoded with another encoding than it was written in."""
    match = _MOJIBAKE.search(text)
    if match:
        return match.start()
    misread = _UTF8_IN_GBK.search(text.encode("gbk", "replace"))
    # In GBK a Chinese character has two bytes, ASCII one: the place is as near as a reader needs it.
    return min(len(text) - 1, misread.start() // 2) if misread else None


_MOJIBAKE = re.compile(f"{_READ_AS_LATIN}|{_READ_AS_GBK}")


def _find_mixed_script(text: str) -> int | None:
    """Find the first character of the rarer script in a text that has characters of both."""
    simplified, traditional = _scripts()
    characters = set(text)
    of_simplified, of_traditional = characters & simplified, characters & traditional
    if not of_simplified or not of_traditional:
        return None
    rarer = min(of_simplified, of_traditional, key=len)
    return min(text.index(character) for character in rarer)


# Printed in both scripts; Big5 merely has another form of the same character.
_NEW_FORMS = frozenset("内脱盗禄恒争净宫黄没虚删晋叙弑殁减况决弃迹衮愠悦堕寝吴吕温册录绿横污眦勋叠")


@lru_cache(maxsize=1)
def _scripts() -> tuple[frozenset[str], frozenset[str]]:
    """Return the characters that only simplified, and only traditional, Chinese writes.

    From OpenCC's table, as far as the national standards agree: GB 2312 lacks the traditional form and Big5
    the simplified one. A form that both have, such as 后, 云 and 穀, says nothing.
    """
    characters = [chr(code) for code in range(0x4E00, 0xA000)]
    forms = opencc.OpenCC("t2s").convert("\n".join(characters)).split("\n")
    simplified, traditional = set[str](), set[str]()
    for character, form in zip(characters, forms, strict=True):
        if form == character or _encodes(character, "gb2312"):
            continue
        if _encodes(form, "gb2312") and not _encodes(form, "big5"):
            simplified.add(form)
            traditional.add(character)
    return frozenset(simplified - _NEW_FORMS), frozenset(traditional)


def _encodes(character: str, encoding: str) -> bool:
    try:
        character.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


_PAIRS = {
    "」": "「",
    "』": "『",
    "”": "“",
    "’": "‘",
    "》": "《",
    "〉": "〈",
    "）": "（",
    "】": "【",
    "〕": "〔",
}
_OPENING = frozenset(_PAIRS.values())
# A speech of several paragraphs opens its mark again at the head of each.
_REPEATED = frozenset("「『“‘")
_MARK = re.compile(f"[{''.join(_PAIRS)}{''.join(_OPENING)}]")


@dataclass(frozen=True)
class LoneMark:
    """A mark without its counterpart: in which passage, where, and what stands around it."""

    passage_id: int
    position: int
    excerpt: str


class OpenMarks:
    """Follows quotation marks and brackets through the passages of one section, which a speech may span.

    At most one mark of each kind is held open, so that a text that never closes any costs nothing.
    """

    def __init__(self) -> None:
        self._open: dict[str, LoneMark] = {}

    def read(self, passage_id: int, text: str) -> Iterator[LoneMark]:
        """Read the next passage; yield each mark that turns out to have no counterpart."""
        for match in _MARK.finditer(text):
            mark, position = match[0], match.start()
            place = LoneMark(passage_id, position, excerpt(text, position))
            if mark in _OPENING:
                is_repeated = mark in _REPEATED and _is_head_of_line(text, position)
                if mark in self._open and not is_repeated:
                    yield self._open[mark]
                self._open[mark] = place
            elif not _is_apostrophe(text, position) and self._open.pop(_PAIRS[mark], None) is None:
                yield place

    def close(self) -> Iterator[LoneMark]:
        """End the section; yield the marks that are still open."""
        yield from self._open.values()
        self._open = {}


def excerpt(text: str, position: int) -> str:
    """Return what stands around a place of a text, on one line."""
    return text[max(0, position - _EXCERPT_BEFORE) : position + _EXCERPT_AFTER].replace("\n", " ")


_EXCERPT_BEFORE, _EXCERPT_AFTER = 10, 16


def _is_head_of_line(text: str, position: int) -> bool:
    before = text[:position].rstrip(" 　")
    return not before or before.endswith("\n")


def _is_apostrophe(text: str, position: int) -> bool:
    return (
        text[position] == "’"
        and position > 0
        and text[position - 1].isascii()
        and text[position - 1].isalpha()
    )
