"""Decides under which names the place of a passage is searched with its text."""

from collections.abc import Iterable
from functools import lru_cache

from knowledge.folding import fold

# The passages of a work share its names, and those of a section too.
_fold_name = lru_cache(maxsize=20_000)(fold)


def fold_names(names: Iterable[str]) -> tuple[str, ...]:
    """Fold the names of a passage's place (work, sections, author), which are searched with its text."""
    return tuple(filter(None, map(_fold_name, names)))
