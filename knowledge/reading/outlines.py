"""Decides how the sections of a work become a tree of links, and which of them a reader looks for by name."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Q, QuerySet

from knowledge.folding import pattern_of
from knowledge.models import Section


@dataclass
class Branch:
    """A section and those right under it, in reading order."""

    section: Section
    children: list["Branch"] = field(default_factory=list)


def grow_tree(sections: Iterable[Section]) -> list[Branch]:
    """Arrange all sections of a work, given in reading order, under their parents; return the outermost."""
    roots: list[Branch] = []
    branches: dict[int, Branch] = {}
    for section in sections:
        branch = branches[section.pk] = Branch(section)
        parent = branches.get(section.parent_id) if section.parent_id else None
        (parent.children if parent else roots).append(branch)
    return roots


def named_like(sections: QuerySet[Section], words: str) -> QuerySet[Section]:
    """Keep those with the words in their title or author, be they written in 繁 or 简."""
    pattern = pattern_of(words)
    return sections.filter(Q(title__regex=pattern) | Q(author__regex=pattern))
