"""Decides what is one unit of ingestion: a file, or the files that are one work together."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from knowledge.errors import CorpusFileRefused
from knowledge.formats.detection import SUFFIXES, Format, detect_format
from knowledge.formats.gushiwen import COLLECTION
from knowledge.formats.numerals import reading_order
from knowledge.formats.parallel import BITEXT, ORIGINALS, SOURCE, TARGET, TEXT
from knowledge.formats.poetry import find_collection, holds_no_texts

# The folders under which a parallel corpus keeps its books.
_SHELVES = ("双语数据", "古文原文")
_PARALLEL_FILES = frozenset({*ORIGINALS, TARGET})
_SAME_SUFFIX = {Format.POETRY: Format.JSON, Format.GUSHIWEN: Format.JSON}


@dataclass(frozen=True)
class Source:
    """One unit of ingestion: files below ``root``, relative to it, that are read one after the other."""

    name: str
    root: Path
    files: tuple[Path, ...]
    format: Format

    @property
    def size_bytes(self) -> int:
        """How many bytes there are to read."""
        return sum((self.root / file).stat().st_size for file in self.files)


def discover(paths: Iterable[Path], *, format: Format | None = None) -> list[Source]:
    """Return the sources that the paths name, in the order of paths and names.

    A file that is named is always a source. In a folder the files of known formats are, hidden ones are not;
    the folder of one book in a parallel corpus is one source, and so is a collection of chinese-poetry or
    chinese-gushiwen. ``format`` says how all of them are written. Raises ``CorpusFileRefused`` for a path
    that does not exist.
    """
    sources: list[Source] = []
    for path in paths:
        if path.is_dir():
            sources += _in_folder(path, format)
        elif path.is_file():
            sources.append(_single(path.parent, path, format))
        else:
            raise CorpusFileRefused(f"找不到 {path}。")
    return sources


def left_out(paths: Iterable[Path], sources: Sequence[Source]) -> list[Path]:
    """Return the files in the folders among the paths that are in none of the sources, for the report.

    What lies beside the files of a parallel corpus says the same again, or where it comes from, and is not listed.
    """
    used = {(source.root / file).absolute() for source in sources for file in source.files}
    leaves = {file.parent for file in used if file.name in _PARALLEL_FILES}
    found = (file for path in paths if path.is_dir() for file in _files(path))
    return [file for file in found if file.absolute() not in used and file.absolute().parent not in leaves]


def _in_folder(folder: Path, format: Format | None) -> list[Source]:
    """Find first what takes several files, then what is left by itself."""
    files = list(_files(folder))
    sources: list[Source] = []
    if format in (None, Format.PARALLEL):
        sources += _parallel_books(folder, files)
        books = {source.root for source in sources}
        files = [file for file in files if books.isdisjoint(file.absolute().parents)]
    if format in (None, Format.POETRY):
        collections, files = _collections(folder, files)
        sources += collections
    if format is not Format.PARALLEL:
        sources += _gathered(folder, [_single(folder, file, format) for file in _readable(files, format)])
    return sorted(sources, key=lambda source: reading_order(source.name))


def _readable(files: Sequence[Path], format: Format | None) -> list[Path]:
    """Return the files with the suffix of the format, or with that of any."""
    wanted = _SAME_SUFFIX.get(format, format) if format else None
    suffixes = {suffix for suffix, usual in SUFFIXES.items() if wanted in (None, usual)}
    return [file for file in files if file.suffix.lower() in suffixes]


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files below the folder but hidden ones and those that editors leave behind, in their order."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted((name for name in folders if not _is_hidden(name)), key=reading_order)
        yield from (Path(place, name) for name in sorted(names, key=reading_order) if not _is_hidden(name))


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "~$", "__MACOSX"))


def _single(root: Path, file: Path, format: Format | None) -> Source:
    relative = file.relative_to(root)
    return Source(relative.as_posix(), root, (relative,), format or _format_of(file))


def _format_of(file: Path) -> Format:
    if find_collection(file.absolute()):
        return Format.POETRY
    return detect_format(file, file.name)


def _parallel_books(folder: Path, files: Sequence[Path]) -> list[Source]:
    """Return a source for each book: the folder below 双语数据 or 古文原文, else the one below ``folder``."""
    leaves = _leaves(files)
    books: dict[Path, list[Path]] = defaultdict(list)
    for leaf in sorted(leaves, key=lambda leaf: [reading_order(name) for name in leaf.parts]):
        books[_book_of(folder.absolute(), leaf.absolute(), leaves)] += _leaf_files(leaf.absolute())
    return [
        Source(book.name, book, tuple(file.relative_to(book) for file in parts), Format.PARALLEL)
        for book, parts in books.items()
    ]


def _leaves(files: Sequence[Path]) -> set[Path]:
    """Return the folders that hold a 篇 or 章: an original and its translation, or a text.txt alone."""
    names: dict[Path, set[str]] = defaultdict(set)
    for file in files:
        if file.name in _PARALLEL_FILES:
            names[file.parent].add(file.name)
    return {
        place
        for place, found in names.items()
        if {SOURCE, TARGET} <= found or BITEXT in found or TEXT in found
    }


def _leaf_files(leaf: Path) -> list[Path]:
    """Return the files that are read: one original and its translation."""
    for names in ((SOURCE, TARGET), (BITEXT,), (TEXT,)):
        if (leaf / names[0]).is_file():
            return [leaf / name for name in names if (leaf / name).is_file()]
    return []


def _book_of(folder: Path, leaf: Path, leaves: set[Path]) -> Path:
    for shelf in leaf.parents:
        if shelf.name in _SHELVES:
            return shelf / leaf.relative_to(shelf).parts[0]
    is_book = leaf == folder or any(each.absolute().parent == folder for each in leaves)
    return folder if is_book else folder / leaf.relative_to(folder).parts[0]


def _collections(folder: Path, files: Sequence[Path]) -> tuple[list[Source], list[Path]]:
    """Gather the files of each collection in each folder; return them, and the files of none."""
    found: dict[tuple[Path, str, str], list[Path]] = defaultdict(list)
    rest: list[Path] = []
    for file in files:
        collection = find_collection(file.absolute()) if file.suffix.lower() == ".json" else None
        if collection is None:
            rest += [] if holds_no_texts(file.absolute()) else [file]
        else:
            found[(file.parent, collection.title, collection.edition)].append(file.relative_to(folder))
    sources = [
        Source(f"{title}（{edition}）" if edition else title, folder, tuple(parts), Format.POETRY)
        for (_place, title, edition), parts in found.items()
    ]
    return sources, rest


def _gathered(folder: Path, singles: Sequence[Source]) -> list[Source]:
    """Make one source of the files of chinese-gushiwen in one folder."""
    poems: dict[Path, list[Path]] = defaultdict(list)
    others: list[Source] = []
    for source in singles:
        if source.format is Format.GUSHIWEN:
            poems[source.files[0].parent].append(source.files[0])
        else:
            others.append(source)
    return [
        *others,
        *(Source(COLLECTION, folder, tuple(files), Format.GUSHIWEN) for files in poems.values()),
    ]
