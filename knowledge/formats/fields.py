"""Decides how named fields (of a JSON object, of a table's row) become records, and where these stand."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from knowledge.errors import CorpusFileRefused
from knowledge.formats.corpus_file import CorpusFile
from knowledge.formats.field_names import NAMES, known_fields
from knowledge.formats.paths import read_path
from knowledge.outlining.chunking import MAX_CHARACTERS
from knowledge.outlining.records import Heading, ParsedItems, Record, Refusal, WorkDetails

_KINDS = {
    "root": "root",
    "原文": "root",
    "commentary": "commentary",
    "注疏": "commentary",
    "translation": "translation",
    "译文": "translation",
}
_DYNASTIES = {"tang": "唐", "song": "宋", "yuan": "元"}
# 「（唐）孟浩然」「先秦：左丘明」
_DYNASTY_FIRST = re.compile(r"^(?:[（(〔\[]([^）)〕\]]{1,4})[）)〕\]]|(\w{1,3})[：:])\s*(.+)$")
_VERSE_LINE_CHARACTERS = 40
_MAX_DEPTH = 8
_MAX_SIBLINGS = 1 << 20
_INDEX_SHIFT = 64


@dataclass(frozen=True)
class Place:
    """Where fields stand: file and line, what is known of their work, and the headings above them."""

    file: CorpusFile
    line: int
    defaults: Mapping[str, object]
    headings: tuple[Heading, ...] = ()
    author: str = ""
    dynasty: str = ""
    # How deep objects lie in objects, and which of its siblings this one is, counted through all depths.
    depth: int = 0
    index: int = 0
    # Whether the short lines of an untitled chapter are verse, one text, as in 三字经.
    is_verse_chapter: bool = False

    @property
    def number(self) -> int:
        """A number that no other place of the source has."""
        return self.index << _INDEX_SHIFT | self.file.number(self.line)


class _Unfit(Exception):
    """Why one record is refused."""


def read_value(value: object, place: Place) -> ParsedItems:
    """Yield the records of a JSON value: a text, or an object with a text or with further objects in it."""
    own = known_fields(value) if isinstance(value, dict) else {"text": value}
    try:
        yield from _read_fields(own, place)
    except _Unfit as reason:
        yield Refusal(place.file.name, place.line, str(reason))


def frame_of(values: Mapping[Any, object], place: Place) -> Place:
    """Return the place of the records in a list by what stands around it.

    A title without a work is the work's, and so is an author without another title. Raises
    ``CorpusFileRefused`` for values that are none.
    """
    own = known_fields(values)
    if "work" not in own and "title" in own:
        own["work"] = own.pop("title")
    try:
        if "title" not in own:
            author, dynasty = _author({key: own.pop(key, None) for key in ("author", "dynasty")})
            place = replace(place, defaults={**place.defaults, "author": author, "dynasty": dynasty})
        return _inside(own, place)
    except _Unfit as reason:
        raise CorpusFileRefused(
            f"第 {place.line} 行起，列表之外的内容有误：{reason}请修正后重新导入。"
        ) from reason


def _read_fields(own: dict[str, object], place: Place) -> ParsedItems:
    text = own.get("text")
    if isinstance(text, list) and text and all(isinstance(each, dict) for each in text):
        yield from _read_children(own, text, place)
        return
    texts = _strings(own, "text")
    if not texts:
        raise _Unfit(f"没有文字：{'、'.join(NAMES['text'][:3])} 都不存在或为空。")
    work, headings, kind = _work(own, place), _headings(own, place), _kind(own, place)
    translations = _strings(own, "translation")
    is_titled = "title" in own or bool(place.author)
    if place.is_verse_chapter and not is_titled:
        is_titled = _is_verse(texts)
    for part, translation, goes_on in _parts(texts, translations, is_titled=is_titled):
        goes_on = goes_on or own.get("continues") in (True, "true")
        yield Record(work, headings, part, place.line, kind, translation, place.file.name, goes_on=goes_on)
    if notes := "\n".join(_strings(own, "notes")):
        yield Record(work, headings, notes, place.line, "commentary", file=place.file.name)


def _read_children(own: dict[str, object], children: list[object], place: Place) -> ParsedItems:
    """Read the objects in an object."""
    if place.depth == _MAX_DEPTH:
        raise _Unfit("嵌套太深。")
    inner = _inside(own, place)
    for index, child in enumerate(children, 1):
        yield from read_value(child, replace(inner, index=place.index * _MAX_SIBLINGS + index))


def _inside(own: Mapping[str, object], place: Place) -> Place:
    """Return the place of what lies in an object: its work, its headings and its author are theirs."""
    author, dynasty = _author(own)
    title = () if "path" in own else map(Heading, _strings(own, "title"))
    return replace(
        place,
        defaults={**place.defaults, **{key: own[key] for key in _INHERITED if key in own}},
        headings=(*_way(own, place), *title),
        author=author or place.author,
        dynasty=dynasty or place.dynasty,
        depth=place.depth + 1,
    )


def _parts(texts: list[str], translations: list[str], *, is_titled: bool) -> Iterator[tuple[str, str, bool]]:
    """Yield texts with their translations, and whether each goes on in the one before it.

    The lines of a poem, and paragraphs that fit, are one text; longer paragraphs of one titled piece are
    its parts; those of an untitled chapter stand for themselves.
    """
    aligned = len(translations) == len(texts)
    fits = sum(map(len, texts)) + len(texts) <= MAX_CHARACTERS
    if len(texts) == 1 or (is_titled and (fits or (_is_verse(texts) and not aligned))):
        yield "\n".join(texts), "\n".join(translations), False
        return
    for index, text in enumerate(texts):
        translation = translations[index] if aligned else "\n".join(translations) if index == 0 else ""
        yield text, translation, is_titled and index > 0


def _is_verse(texts: list[str]) -> bool:
    return all(len(text) <= _VERSE_LINE_CHARACTERS for text in texts)


def _work(own: dict[str, object], place: Place) -> WorkDetails:
    """Read what the record says about its work; the author of a titled record is the poem's own."""
    author, dynasty = ("", "") if "title" in own or place.author else _author(own)
    aliases = own.get("aliases") or place.defaults.get("aliases") or []
    if isinstance(aliases, str):
        aliases = aliases.split("、")
    if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
        raise _Unfit("aliases 应为文字列表。")
    return _details(
        tuple(filter(None, (alias.strip() for alias in aliases))) if aliases else (),
        author or _string(place.defaults, "author"),
        dynasty or _string(place.defaults, "dynasty"),
        *(_string(own if key in own else place.defaults, key) for key in _WORK_FIELDS),
    )


_WORK_FIELDS = ("work", "category", "edition", "license", "source")
_INHERITED = (*_WORK_FIELDS, "aliases", "kind")


@lru_cache(maxsize=1024)
def _details(
    aliases: tuple[str, ...],
    author: str,
    dynasty: str,
    title: str,
    category: str,
    edition: str,
    license_name: str,
    source: str,
) -> WorkDetails:
    """Give records of one work the same details, which are compared by the hundred thousand."""
    return WorkDetails(title, aliases, author, dynasty, category, edition, license_name, source)


def _headings(own: dict[str, object], place: Place) -> tuple[Heading, ...]:
    """Build the way to the text: chapter, section, and last the title of a poem, which has its own author."""
    headings = list(_way(own, place))
    if "path" in own:
        return tuple(headings)
    author, dynasty = _author(own)
    author, dynasty = author or place.author, dynasty or place.dynasty
    if title := _string(own, "title"):
        headings.append(Heading(title, author, dynasty, place.number))
    elif place.author and headings:
        headings[-1] = replace(headings[-1], author=author, dynasty=dynasty)
    return tuple(headings)


def _way(own: Mapping[str, object], place: Place) -> tuple[Heading, ...]:
    """Return the headings of path, or of chapter and section, below those of the place."""
    if "path" not in own:
        titles = [title for key in ("chapter", "section") for title in _strings(own, key)]
        return (*place.headings, *map(Heading, titles))
    try:
        return (*place.headings, *read_path(own["path"], place.file))
    except ValueError as error:
        raise _Unfit("path 应为篇章的列表，每项含 title。") from error


def _author(own: Mapping[str, object]) -> tuple[str, str]:
    if "author" not in own and "dynasty" not in own:
        return "", ""
    author, dynasty = _string(own, "author"), _string(own, "dynasty")
    if match := _DYNASTY_FIRST.match(author):
        author, dynasty = match[3], dynasty or match[1] or match[2]
    return author, _DYNASTIES.get(dynasty, dynasty)


def _kind(own: dict[str, object], place: Place) -> str:
    kind = _string(own, "kind") or _string(place.defaults, "kind") or "root"
    if kind not in _KINDS:
        raise _Unfit(f"kind “{kind}”不在 {'、'.join(sorted(_KINDS))} 之中。")
    return _KINDS[kind]


def _strings(own: Mapping[str, object], key: str) -> list[str]:
    """Return the texts of a field that holds one or a list of them, without the empty ones."""
    value = own.get(key)
    if value is None:
        return []
    parts: list[Any] = value if isinstance(value, list) else [value]
    if not all(isinstance(part, str) for part in parts):
        raise _Unfit(f"{key} 应为文字或文字列表。")
    return [stripped for part in parts if (stripped := part.strip())]


def _string(own: Mapping[str, object], key: str) -> str:
    value = own.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _Unfit(f"{key} 应为文字。")
    return value.strip()
