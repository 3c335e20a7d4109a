"""Decides how the records of a file become works: sections in reading order, passages under them."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from knowledge.chunking import split_text
from knowledge.folding import fold
from knowledge.records import Heading, Record, WorkDetails
from knowledge.terms import fold_names


@dataclass(frozen=True)
class OutlinePassage:
    """A passage to be stored; ``names`` are the folded names of its place."""

    text: str
    kind: str
    folded: str
    content_hash: str
    names: tuple[str, ...]
    section: int | None


@dataclass(frozen=True)
class OutlineSection:
    """A section to be stored; ``parent`` is its parent's position in the outline."""

    title: str
    path: str
    author: str
    dynasty: str
    parent: int | None


@dataclass
class WorkOutline:
    """One work of a file: its details, its sections in reading order, its passages in reading order."""

    details: WorkDetails
    sections: list[OutlineSection] = field(default_factory=list)
    passages: list[OutlinePassage] = field(default_factory=list)

    @property
    def content_hash(self) -> str:
        """A fingerprint of everything that would be stored."""
        content = (self.details, self.sections, [(p.text, p.kind, p.section) for p in self.passages])
        return hash_text(repr(content))


@dataclass
class _Node:
    records: list[Record] = field(default_factory=list)
    children: dict[tuple[str, int, str], tuple[Heading, "_Node"]] = field(default_factory=dict)


def outline_works(records: Iterable[Record]) -> list[WorkOutline]:
    """Group the records by work, in the order in which the works appear."""
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        groups.setdefault((record.work.title, record.work.edition), []).append(record)
    return [_outline_work(group) for group in groups.values()]


def hash_text(text: str) -> str:
    """Return the SHA-256 of the text in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _outline_work(records: list[Record]) -> WorkOutline:
    details = _merge_details(records)
    root = _Node()
    for record in records:
        node = root
        for heading in _own_headings(record, details):
            key = (heading.title, heading.number, heading.author)
            node = node.children.setdefault(key, (heading, _Node()))[1]
        node.records.append(record)
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
    """Write the node's passages, then its children: the reading order of a tree."""
    section = None if position is None else outline.sections[position]
    place = (section.path, section.author) if section else ("", "")
    names = fold_names((outline.details.title, *place))
    for record in node.records:
        for piece in split_text(record.text):
            if folded := fold(piece):
                hashed = hash_text(piece)
                outline.passages.append(OutlinePassage(piece, record.kind, folded, hashed, names, position))
    for heading, child in node.children.values():
        path = f"{section.path}·{heading.title}" if section else heading.title
        outline.sections.append(
            OutlineSection(heading.title, path, heading.author, heading.dynasty, position)
        )
        _walk(child, outline, len(outline.sections) - 1)
