"""Decides what of a TEI element is its text: the readings chosen, notes left out, rare characters written."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree

from knowledge.formats.markup import join_lines, local_name
from knowledge.formats.tei_header import RareCharacter

MISSING = "□"
_LEFT_OUT = frozenset({"note", "rdg", "figDesc", "fw", "docNumber", "mulu", "juan"})
_LINES = frozenset(
    {"l", "lg", "p", "item", "list", "row", "table", "form", "def", "head", "quote", "speaker", "ab"}
)
_SPACES = frozenset({"caesura", "space", "cell"})
_CHOICES = ("corr", "orig", "reg", "expan")
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


@dataclass
class MissingCharacter:
    """A character that cannot be written: how it is composed, where it stood first, and how often."""

    composition: str
    line: int
    count: int = 0


class TextReader:
    """Reads elements one after the other and keeps account of the characters that it could not write."""

    def __init__(self, characters: dict[str, RareCharacter]) -> None:
        self.characters = characters
        self.missing: dict[str, MissingCharacter] = {}

    def read(self, element: Any) -> str:
        """Return the element's text; lines of verse, list items and paragraphs in it are lines."""
        lines = "".join(self._pieces(element)).split("\v")
        return "\n".join(filter(None, (join_lines(line).strip() for line in lines)))

    def _pieces(self, element: Any) -> Iterator[str]:
        yield element.text or ""
        for child in self._chosen(element):
            name = local_name(child)
            if child.tag is etree.Entity:
                yield self._miss(child.name, "", child)
            elif name == "g":
                yield self._character(child)
            elif name == "unclear" and not len(child) and not child.text:
                yield MISSING
            elif name in _SPACES:
                yield "　"
                yield from self._pieces(child)
            elif name not in _LEFT_OUT and not _is_foot(child):
                yield from ("\v", *self._pieces(child), "\v") if name in _LINES else self._pieces(child)
            yield child.tail or ""

    def _chosen(self, element: Any) -> list[Any]:
        """Return the children that count: one reading of a choice, the Chinese of a text in two scripts."""
        children = list(element)
        name = local_name(element)
        if name == "choice":
            found = [child for wanted in _CHOICES for child in children if local_name(child) == wanted]
            return found[:1] or children[:1]
        if name == "app":
            return [child for child in children if local_name(child) == "lem"]
        if name == "tt":
            chinese = [child for child in children if child.get(_LANGUAGE, "").startswith("zh")]
            return chinese or children[:1]
        return children

    def _character(self, element: Any) -> str:
        if text := "".join(element.itertext()).strip():
            return text
        name = element.get("ref", "").rpartition("#")[2]
        known = self.characters.get(name)
        if known and known.text:
            return known.text
        return self._miss(name, known.composition if known else "", element)

    def _miss(self, name: str, composition: str, near: Any) -> str:
        shown = f"（{composition}）" if composition else ""
        missing = self.missing.setdefault(name, MissingCharacter(shown, near.sourceline or 0))
        missing.count += 1
        return MISSING


def _is_foot(element: Any) -> bool:
    """Tell what CBETA prints at the foot of the page."""
    return any(key.endswith("place") and value.startswith("foot") for key, value in element.attrib.items())
