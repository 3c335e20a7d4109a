"""Decides under which names the place of a passage is searched with its text."""

from collections.abc import Iterable

from knowledge.folding import fold


def fold_names(names: Iterable[str]) -> tuple[str, ...]:
    """Fold the names of a passage's place (work, sections, author), which are searched with its text."""
    return tuple(filter(None, map(fold, names)))
