"""Decides what the header of a TEI document says: title, author, dynasty, licence, and its rare characters."""

import re
from dataclasses import dataclass
from typing import Any

from knowledge.folding import is_cjk
from knowledge.models import Work
from knowledge.outlining.records import WorkDetails

_ID = "{http://www.w3.org/XML/1998/namespace}id"
# 「大藏經補編數位版, No. 10 南傳轉法輪經」
_NUMBERED = re.compile(r"^.*\bNo\.\s*\S+\s+")
_DYNASTY_FIRST = re.compile(r"^(\S{1,3})[ 　]+(\S.*)$")
_CODE_POINT = re.compile(r"^U\+([0-9A-Fa-f]{4,6})$")
_PRIVATE = ((0xE000, 0xF8FF), (0xF0000, 0x10FFFF))
_LICENSE_LIMIT = Work._meta.get_field("license").max_length or 0


@dataclass(frozen=True)
class RareCharacter:
    """A character that the edition declares: what stands for it, or "" and how it is composed."""

    text: str
    composition: str


def read_details(header: Any, fallback: str) -> WorkDetails:
    """Return what the ``teiHeader`` says of the work; ``fallback`` is its title where there is none."""
    author = next((text for text in _texts(header, "titleStmt", "author") if text), "")
    match = _DYNASTY_FIRST.match(author)
    series = next(
        (text for text in _texts(header, "sourceDesc", "title", level="s") if _is_chinese(text)), ""
    )
    licenses = _texts(header, "availability", "p") or _texts(header, "availability", "licence")
    return WorkDetails(
        title=_title(header) or fallback,
        author=match[2] if match else author,
        dynasty=match[1] if match else "",
        license=next(iter(licenses), "")[:_LICENSE_LIMIT],
        source=series,
    )


def read_characters(header: Any) -> dict[str, RareCharacter]:
    """Return the declared characters by their id."""
    return {
        character.get(_ID, ""): _read_character(character) for character in header.iter("{*}char", "{*}glyph")
    }


def _title(header: Any) -> str:
    own = [text for text in _texts(header, "fileDesc", "title", level="m") if _is_chinese(text)]
    stated = [text for text in _texts(header, "titleStmt", "title") if _is_chinese(text)]
    return next(iter(own or stated), "").strip() if own else _NUMBERED.sub("", next(iter(stated), "")).strip()


def _read_character(character: Any) -> RareCharacter:
    values = {
        (prop.findtext("{*}localName") or "").strip(): (prop.findtext("{*}value") or "").strip()
        for prop in character.iter("{*}charProp")
    }
    mappings = {
        mapping.get("type", ""): (mapping.text or "").strip() for mapping in character.iter("{*}mapping")
    }
    for name in ("unicode", "standard", "normal_unicode", "normalized"):
        if text := _from_mapping(mappings.get(name, "")):
            return RareCharacter(text, "")
    if normal := values.get("normalized form", ""):
        return RareCharacter(normal, "")
    return RareCharacter("", values.get("composition", ""))


def _from_mapping(value: str) -> str:
    """Read U+9262 or the character itself; a private character means something only to its own font."""
    match = _CODE_POINT.match(value)
    text = chr(int(match[1], 16)) if match and int(match[1], 16) <= 0x10FFFF else "" if match else value
    is_private = any(first <= ord(each) <= last for each in text for first, last in _PRIVATE)
    return "" if is_private or any("\ud800" <= each <= "\udfff" for each in text) else text


def _texts(header: Any, within: str, name: str, **attributes: str) -> list[str]:
    return [
        " ".join("".join(element.itertext()).split())
        for part in header.iter(f"{{*}}{within}")
        for element in part.iter(f"{{*}}{name}")
        if all(element.get(key) == value for key, value in attributes.items())
    ]


def _is_chinese(text: str) -> bool:
    return any(map(is_cjk, text))
