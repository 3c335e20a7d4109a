"""Decides how the records of a source become works: sections in reading order, passages under them."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import cast

from knowledge.folding import fold
from knowledge.outlining.chunking import MAX_CHARACTERS, group_lines, lead_of, split_text
from knowledge.outlining.records import Heading, Record, WorkDetails
from knowledge.outlining.spool import RecordSpool
from knowledge.outlining.terms import fold_names


@dataclass(frozen=True, slots=True)
class OutlinePassage:
    """A passage to be stored; ``names`` are the folded names of its place.

    ``translation`` is the modern rendering of this very passage. ``continues`` tells that it goes on where the
    passage before it was cut; ``lead`` is then ``lead_of`` that passage, for the embedding alone.
    """

    text: str
    kind: str
    folded: str
    content_hash: str
    names: tuple[str, ...]
    section: int | None
    translation: str = ""
    continues: bool = False
    lead: str = ""


@dataclass(frozen=True, slots=True)
class OutlineSection:
    """A section to be stored; ``parent`` is its parent's position in the outline."""

    title: str
    path: str
    author: str
    dynasty: str
    parent: int | None


@dataclass
class WorkOutline:
    """One work of a source: its details, its sections in reading order, its passages in reading order."""

    details: WorkDetails
    sections: list[OutlineSection] = field(default_factory=list)
    passages: list[OutlinePassage] = field(default_factory=list)

    @property
    def content_hash(self) -> str:
        """A fingerprint of everything that would be stored."""
        digest = hashlib.sha256(repr(self.details).encode())
        for section in self.sections:
            digest.update(repr(section).encode())
        for each in self.passages:
            stored = (each.text, each.kind, each.section, each.translation, each.continues)
            digest.update(repr(stored).encode())
        return digest.hexdigest()


@dataclass(slots=True)
class _Node:
    """A section, or the work itself: texts and subsections in the order in which the source has them."""

    heading: Heading
    items: list["Record | _Node"] = field(default_factory=list)
    children: dict[tuple[str, int, str], "_Node"] = field(default_factory=dict)

    def child(self, heading: Heading) -> "_Node":
        """Return the subsection of that heading; all that stands under it is read where it first appeared."""
        key = (heading.title, heading.number, heading.author)
        if key not in self.children:
            self.children[key] = _Node(heading)
            self.items.append(self.children[key])
        return self.children[key]


def outline_works(records: Iterable[Record]) -> Iterator[WorkOutline]:
    """Yield the works, each when it is whole, in the order in which they first appear among the records.

    All records are read before the first work comes; they wait on disk, so that memory is bounded by the
    largest work.
    """
    with RecordSpool() as spool:
        for record in records:
            spool.add(record)
        for work in spool.works():
            yield _outline_work(list(spool.read(work)))


def hash_text(text: str) -> str:
    """Return the SHA-256 of the text in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def cut_text(lines: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Yield the passages of one text with their translations; the texts join to the whole.

    The text is given as its lines or paragraphs, each with its translation. Where one of them must be cut, its
    translation stays with the first piece.
    """
    for first, last in group_lines([text for text, _translation in lines]):
        end = "" if last == len(lines) else "\n"
        translation = "\n".join(filter(None, (translation for _text, translation in lines[first:last])))
        text = "\n".join(text for text, _translation in lines[first:last]) + end
        pieces = split_text(text) if len(text) > MAX_CHARACTERS + len(end) else [text]
        yield pieces[0], translation
        yield from ((piece, "") for piece in pieces[1:])


def _outline_work(records: list[Record]) -> WorkOutline:
    """Outline one work; the list of its records is used up, so that its texts are in memory only once."""
    details = _merge_details(records)
    root = _Node(Heading(details.title))
    for record in records:
        node = root
        for heading in _own_headings(record, details):
            node = node.child(heading)
        node.items.append(record)
    records.clear()
    outline = WorkOutline(details)
    _walk(root, outline, None)
    return outline


def _merge_details(records: list[Record]) -> WorkDetails:
    """Let the first record that says something decide; where authors differ, none is the work's."""
    merged = records[0].work
    for record in records[1:]:
        if record.work is not merged and record.work != merged:
            missing = {name: value for name, value in vars(record.work).items() if not getattr(merged, name)}
            merged = replace(merged, **missing)
    if len({record.work.author for record in records if record.work.author}) > 1:
        merged = replace(merged, author="", dynasty="")
    return merged


def _own_headings(record: Record, details: WorkDetails) -> tuple[Heading, ...]:
    """Give the last heading the record's author where it is another than the work's; without one, he is its title."""
    if not record.headings:
        is_own = record.work.author not in ("", details.author)
        return (Heading(record.work.author, dynasty=record.work.dynasty),) if is_own else ()
    *outer, last = record.headings
    author = last.author or record.work.author
    if author == details.author and not last.author:
        return record.headings
    return (*outer, replace(last, author=author, dynasty=last.dynasty or record.work.dynasty))


def _walk(node: _Node, outline: WorkOutline, position: int | None) -> None:
    """Write the node's texts and subsections in their order. The node is used up."""
    items = _taken(node.items)
    node.children.clear()
    for is_section, run in groupby(items, lambda each: isinstance(each, _Node)):
        if is_section:
            for child in cast(Iterator[_Node], run):
                _walk(child, outline, _add_section(child.heading, outline, position))
        else:
            _add_passages(cast(Iterator[Record], run), outline, position)


def _taken(items: list["Record | _Node"]) -> Iterator["Record | _Node"]:
    """Yield the items and let each go, so that a text is not kept beside the passages that are made of it."""
    items.reverse()
    while items:
        yield items.pop()


def _add_section(heading: Heading, outline: WorkOutline, parent: int | None) -> int:
    """Write a section and return its position."""
    path = heading.title if parent is None else f"{outline.sections[parent].path}·{heading.title}"
    outline.sections.append(OutlineSection(heading.title, path, heading.author, heading.dynasty, parent))
    return len(outline.sections) - 1


def _add_passages(records: Iterable[Record], outline: WorkOutline, position: int | None) -> None:
    """Write the passages of records that follow each other in one section."""
    section = None if position is None else outline.sections[position]
    place = (section.path, section.author) if section else ("", "")
    names = fold_names((outline.details.title, *place))
    for part in _parts(records):
        previous = ""
        for text, translation in cut_text([(record.text, record.translation) for record in part]):
            if folded := fold(text):
                outline.passages.append(
                    OutlinePassage(
                        text,
                        part[0].kind,
                        folded,
                        hash_text(text),
                        names,
                        position,
                        translation,
                        continues=bool(previous),
                        lead=lead_of(previous) if previous else "",
                    )
                )
            previous = text


def _parts(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Divide a section's records into texts: each record with those that go on in it."""
    part: list[Record] = []
    for record in records:
        if part and not (record.goes_on and record.kind == part[0].kind):
            yield part
            part = []
        part.append(record)
    if part:
        yield part
