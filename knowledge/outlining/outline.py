"""Decides how the records of a source become works: sections in reading order, passages under them."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

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
    records: list[Record] = field(default_factory=list)
    children: dict[tuple[str, int, str], tuple[Heading, "_Node"]] = field(default_factory=dict)


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


def _outline_work(records: list[Record]) -> WorkOutline:
    """Outline one work; the list of its records is used up, so that its texts are in memory only once."""
    details = _merge_details(records)
    root = _Node()
    for record in records:
        node = root
        for heading in _own_headings(record, details):
            key = (heading.title, heading.number, heading.author)
            node = node.children.setdefault(key, (heading, _Node()))[1]
        node.records.append(record)
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
    """Give the last heading the record's author where it is another than the work's."""
    if not record.headings:
        return ()
    *outer, last = record.headings
    author = last.author or record.work.author
    if author == details.author and not last.author:
        return record.headings
    return (*outer, replace(last, author=author, dynasty=last.dynasty or record.work.dynasty))


def _walk(node: _Node, outline: WorkOutline, position: int | None) -> None:
    """Write the node's passages, then its children: the reading order of a tree. The node is used up."""
    section = None if position is None else outline.sections[position]
    place = (section.path, section.author) if section else ("", "")
    names = fold_names((outline.details.title, *place))
    for part in _parts(node.records):
        previous = ""
        for text, translation in _pieces(part):
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
    children = list(node.children.values())
    node.records.clear()
    node.children.clear()
    for heading, child in children:
        path = f"{section.path}·{heading.title}" if section else heading.title
        outline.sections.append(
            OutlineSection(heading.title, path, heading.author, heading.dynasty, position)
        )
        _walk(child, outline, len(outline.sections) - 1)


def _parts(records: Sequence[Record]) -> Iterator[list[Record]]:
    """Divide a section's records into texts: each record with those that go on in it."""
    part: list[Record] = []
    for record in records:
        if part and not (record.goes_on and record.kind == part[0].kind):
            yield part
            part = []
        part.append(record)
    if part:
        yield part


def _pieces(part: list[Record]) -> Iterator[tuple[str, str]]:
    """Yield the passages of one text with their translations; the texts join to the whole.

    Where one record must be cut, its translation stays with the first piece.
    """
    lines = [record.text for record in part]
    groups = group_lines(lines)
    for first, last in groups:
        end = "" if last == len(lines) else "\n"
        translation = "\n".join(filter(None, (record.translation for record in part[first:last])))
        text = "\n".join(lines[first:last]) + end
        pieces = split_text(text) if len(text) > MAX_CHARACTERS + len(end) else [text]
        yield pieces[0], translation
        yield from ((piece, "") for piece in pieces[1:])
