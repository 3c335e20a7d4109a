"""Decides how a TEI document becomes records: divisions are sections, paragraphs and stanzas are texts.

Made for the XML P5 of CBETA; notes, variant readings and everything outside ``text`` are left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from knowledge.folding import is_cjk
from knowledge.formats.corpus_file import CorpusFile
from knowledge.formats.markup import local_name, parse_events
from knowledge.formats.numerals import write_numeral
from knowledge.formats.tei_header import RareCharacter, read_characters, read_details
from knowledge.formats.tei_text import TextReader
from knowledge.outlining.records import Heading, ParsedItems, Record, Refusal, WorkDetails

# What is one text; whatever lies in it belongs to it.
_BLOCKS = frozenset(
    {"p", "lg", "l", "ab", "item", "row", "entry", "speaker", "trailer", "closer", "opener", "label"}
)
_DIVISIONS = frozenset({"div", "div1", "div2", "div3", "div4", "div5"})
# What is looked at for itself or left out with all that is in it.
_ASIDES = frozenset(
    {
        "note",
        "head",
        "mulu",
        "juan",
        "byline",
        "docNumber",
        "rdg",
        "figure",
        "fw",
        "back",
        "teiHeader",
        "titlePage",
    }
)
_RANKS = 1000
_ROLL_MARK = b'unit="juan"'
_BLOCK_BYTES = 1 << 20


@dataclass
class _Outline:
    """Where the reader is: the roll (卷), and the headings above it with their ranks."""

    roll: int = 0
    has_rolls: bool = False
    headings: list[tuple[int, Heading]] = field(default_factory=list)

    def enter(self, rank: int, title: str, number: int) -> None:
        """Go under a heading; those of the same rank and below it end."""
        self.leave(rank)
        self.headings.append((rank, Heading(title, number=number)))

    def leave(self, rank: int) -> None:
        """End the headings of this rank and below it."""
        self.headings = [each for each in self.headings if each[0] < rank]

    def has(self, rank: int) -> bool:
        return any(each == rank for each, _heading in self.headings)

    @property
    def path(self) -> tuple[Heading, ...]:
        roll = (Heading(f"卷{write_numeral(self.roll)}"),) if self.has_rolls and self.roll else ()
        return roll + tuple(heading for _rank, heading in self.headings)


def read_tei(file: CorpusFile, work_title: str | None) -> ParsedItems:
    """Yield one record for each paragraph or stanza, while the document is read.

    A rare character is written as its Unicode form or its normal form where the document declares one, else
    as □ and reported once with its number. Text outside paragraphs is refused with its line.
    """
    reader = _TeiReader(file, work_title or file.title, has_rolls=_count_rolls(file) > 1)
    with file.path.open("rb") as stream:
        for event, element in parse_events(stream):
            yield from reader.start(element) if event == "start" else reader.end(element)
    yield from reader.finish()


def _count_rolls(file: CorpusFile) -> int:
    """Count in blocks, since a document may be one line; a mark across two blocks counts with the second."""
    count, rest = 0, b""
    with file.path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            window = rest + block
            count += window.count(_ROLL_MARK)
            rest = window[1 - len(_ROLL_MARK) :]
    return count


class _TeiReader:
    def __init__(self, file: CorpusFile, fallback: str, *, has_rolls: bool) -> None:
        self._file = file
        self._fallback = fallback
        self._work = WorkDetails(fallback)
        self._outline = _Outline(has_rolls=has_rolls)
        self._text = TextReader({})
        self._seen_root = False
        self._depth = 0
        # The depth at which a block or an aside began; what lies deeper belongs to it.
        self._inside = 0

    def start(self, element: Any) -> Iterator[Record | Refusal]:
        """Note where an element begins."""
        self._depth += 1
        name = local_name(element)
        if not self._seen_root:
            self._seen_root = True
            if not name.lower().startswith("tei"):
                yield Refusal(self._file.name, 0, f"XML 的根元素是 {name}，不是 TEI。")
                self._inside = self._depth
        if not self._inside and name in _BLOCKS | _ASIDES:
            self._inside = self._depth

    def end(self, element: Any) -> Iterator[Record | Refusal]:
        """Use an element that is whole, and forget it."""
        name = local_name(element)
        if self._depth == self._inside:
            self._inside = 0
            yield from self._use(element, name)
            yield from self._forget(element)
        elif not self._inside:
            yield from self._close(element, name)
            yield from self._forget(element)
        self._depth -= 1

    def finish(self) -> Iterator[Refusal]:
        """Report the characters that could not be written."""
        for name, missing in self._text.missing.items():
            reason = (
                f"缺字 {name}{missing.composition} 没有对应的 Unicode 字，共 {missing.count} 处，以□代替。"
            )
            yield Refusal(self._file.name, missing.line, reason)

    def _use(self, element: Any, name: str) -> Iterator[Record | Refusal]:
        if name == "teiHeader":
            self._work = read_details(element, self._fallback)
            characters: dict[str, RareCharacter] = read_characters(element)
            self._text.characters.update(characters)
        elif name in ("head", "mulu"):
            self._enter(element, name)
        elif name in _BLOCKS:
            text = self._text.read(element)
            if any(map(is_cjk, text)):
                line = element.sourceline or 0
                yield Record(self._work, self._outline.path, text, line, file=self._file.name)

    def _enter(self, element: Any, name: str) -> None:
        """Take a heading: the first of a division names it, a ``mulu`` of its own a place inside it."""
        title = " ".join(self._text.read(element).split())
        rank = (self._depth - 1) * _RANKS
        if not title:
            return
        if self._outline.has(rank):
            if name == "head":
                return
            level = element.get("level", "1")
            rank += int(level) if level.isdecimal() and int(level) < _RANKS else 1
        self._outline.enter(rank, title, self._file.number(element.sourceline or 0))

    def _close(self, element: Any, name: str) -> Iterator[Refusal]:
        """End a container; text that lies in it outside of all paragraphs is refused."""
        if name == "milestone" and element.get("unit") == "juan":
            number = element.get("n", "")
            self._outline.roll = (
                int(number) if number.isdecimal() and len(number) < 5 else self._outline.roll + 1
            )
        if name in _DIVISIONS:
            self._outline.leave(self._depth * _RANKS)
        yield from self._stray(element.text, element)
        for child in element:
            yield from self._stray(child.tail, child)

    def _forget(self, element: Any) -> Iterator[Refusal]:
        """Free the memory of an element and of those before it."""
        parent = element.getparent()
        while parent is not None and (previous := element.getprevious()) is not None:
            yield from self._stray(previous.tail, previous)
            parent.remove(previous)
        element.clear(keep_tail=True)

    def _stray(self, text: str | None, near: Any) -> Iterator[Refusal]:
        if text and any(map(is_cjk, text)):
            shown = text.strip()[:20]
            yield Refusal(self._file.name, near.sourceline or 0, f"文字不在段落之内，没有导入：“{shown}”。")
