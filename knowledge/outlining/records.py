"""Decides what a reader of files hands on: a text with its place and line, or why it was refused."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class WorkDetails:
    """What a file says about a work; an empty value means that it says nothing."""

    title: str
    aliases: tuple[str, ...] = ()
    author: str = ""
    dynasty: str = ""
    category: str = ""
    edition: str = ""
    license: str = ""
    source: str = ""


@dataclass(frozen=True)
class Heading:
    """One step on the way to a text; author and dynasty only where they are the section's own.

    ``number`` tells apart two sections of the same title: formats with headings put the place of the heading
    there, unique among all files of a source (``CorpusFile.number``).
    """

    title: str
    author: str = ""
    dynasty: str = ""
    number: int = 0


@dataclass(frozen=True, slots=True)
class Record:
    """One text as it stands in the file, with the line on which it begins (from 1; the page in a PDF).

    ``translation`` is a modern rendering of this very text. ``goes_on`` tells that the text is a further part
    (line, paragraph) of the same 章 or poem as the record before it: parts that fit become one passage.
    ``file`` is the file's path relative to its source.
    """

    work: WorkDetails
    headings: tuple[Heading, ...]
    text: str
    line: int
    kind: str = "root"
    translation: str = ""
    file: str = ""
    goes_on: bool = False


@dataclass(frozen=True)
class Refusal:
    """A record that cannot be loaded: in which file and line it stands, and why.

    Line 0 means the file as a whole.
    """

    file: str
    line: int
    reason: str


ParsedItems: TypeAlias = Iterator[Record | Refusal]
