"""Decides how the sections of a work become a tree of links."""

from collections.abc import Iterable
from dataclasses import dataclass, field

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
