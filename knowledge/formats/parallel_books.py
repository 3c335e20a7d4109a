"""Decides which folders are the books of a parallel corpus, and which of the files in them are read."""

import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from knowledge.formats.numerals import reading_order
from knowledge.formats.parallel import BITEXT, ORIGINALS, SOURCE, TARGET, TEXT

# The folders under which a parallel corpus keeps its books.
_SHELVES = ("双语数据", "古文原文")
_PARALLEL_FILES = frozenset({*ORIGINALS, TARGET})
# What says the same again, or where it comes from.
_SIDE_FILES = _PARALLEL_FILES | {"数据来源.txt"}


def find_books(folder: Path, files: Sequence[Path], *, is_told: bool) -> dict[Path, list[Path]]:
    """Return the files of each book: the folder below 双语数据 or 古文原文, else the one below ``folder``.

    ``is_told`` says that the files are known to be a parallel corpus; otherwise one that lies in no shelf
    counts only by its translation: anybody may call a file text.txt or source.txt.
    """
    leaves = _leaves(files, is_told=is_told)
    books: dict[Path, list[Path]] = defaultdict(list)
    for leaf in sorted(leaves, key=lambda leaf: [reading_order(name) for name in leaf.parts]):
        books[_book_of(folder.absolute(), leaf.absolute(), leaves)] += _leaf_files(leaf.absolute())
    return books


def lies_beside(file: Path, leaves: set[Path]) -> bool:
    """Tell whether the file lies in a folder that is a 篇 or 章, and says the same again or where it is from."""
    return file.name in _SIDE_FILES and file.absolute().parent in leaves


def is_apart(file: Path, leaves: set[Path]) -> bool:
    """Tell such a file, and one of its name elsewhere in a shelf: a translation whose original is missing."""
    is_shelved = file.name in _SIDE_FILES and _shelf_of(file.absolute().parent) is not None
    return is_shelved or lies_beside(file, leaves)


def _leaves(files: Sequence[Path], *, is_told: bool) -> set[Path]:
    """Return the folders that hold a 篇 or 章: an original and its translation, or an original alone."""
    names: dict[Path, set[str]] = defaultdict(set)
    for file in files:
        if file.name in _PARALLEL_FILES:
            names[file.parent].add(file.name)
    return {
        place
        for place, found in names.items()
        if {SOURCE, TARGET} <= found
        or BITEXT in found
        or ((is_told or _shelf_of(place.absolute())) and not found.isdisjoint({SOURCE, TEXT}))
    }


def _leaf_files(leaf: Path) -> list[Path]:
    """Return the files that are read: one original and its translation."""
    for names in ((SOURCE, TARGET), (BITEXT,), (TEXT,)):
        if os.path.isfile(leaf / names[0]):
            return [leaf / name for name in names if os.path.isfile(leaf / name)]
    return []


def _book_of(folder: Path, leaf: Path, leaves: set[Path]) -> Path:
    if shelf := _shelf_of(leaf):
        return shelf / leaf.relative_to(shelf).parts[0]
    is_book = leaf == folder or any(each.absolute().parent == folder for each in leaves)
    return folder if is_book else folder / leaf.relative_to(folder).parts[0]


def _shelf_of(leaf: Path) -> Path | None:
    return next((place for place in leaf.parents if place.name in _SHELVES), None)
