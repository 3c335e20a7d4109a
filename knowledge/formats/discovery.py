"""Decides what is one unit of ingestion: a file, or the files that are one work together."""

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from knowledge.errors import CorpusFileRefused
from knowledge.formats.detection import SUFFIXES, Format, detect_format, speaks_our_names
from knowledge.formats.file_names import readable_name
from knowledge.formats.gushiwen import COLLECTION
from knowledge.formats.numerals import reading_order
from knowledge.formats.parallel_books import find_books, is_apart, lies_beside
from knowledge.formats.poetry import Collection, find_collection, holds_no_texts

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
        """How many bytes there are to read; a file that has gone, or that nobody may read, counts for nothing."""
        paths = (self.root / file for file in self.files)
        return sum(path.stat().st_size for path in paths if os.access(path, os.R_OK))


def discover(paths: Iterable[Path], *, format: Format | None = None) -> list[Source]:
    """Return the sources that the paths name, in the order of paths and names.

    A file that is named is always a source. In a folder the files of known formats are, hidden ones are not;
    the folder of one book in a parallel corpus is one source, and so is a collection of chinese-poetry or
    chinese-gushiwen. ``format`` says how all of them are written. Raises ``CorpusFileRefused`` for a path
    that does not exist or cannot be reached.
    """
    sources: list[Source] = []
    for path in paths:
        if os.path.isdir(path):
            sources += _in_folder(path, format)
        elif os.path.isfile(path):
            sources.append(_single(path.parent, path, format))
        else:
            raise CorpusFileRefused(f"找不到 {path}，或无权读取。")
    return sources


def left_out(paths: Iterable[Path], sources: Sequence[Source]) -> list[Path]:
    """Return what lies in the folders among the paths and is in none of the sources, for the report.

    That may be a link to a folder or to nothing, or a folder that cannot be looked into. What lies beside the files of a parallel corpus says the same
    again, or where it comes from, and is not listed.
    """
    used = {(source.root / file).absolute() for source in sources for file in source.files}
    leaves = {
        (source.root / file).absolute().parent
        for source in sources
        if source.format is Format.PARALLEL
        for file in source.files
    }
    found = (entry for path in paths if os.path.isdir(path) for entry in _entries(path))
    return [entry for entry in found if entry.absolute() not in used and not lies_beside(entry, leaves)]


def _in_folder(folder: Path, format: Format | None) -> list[Source]:
    """Find first what takes several files, then what is left by itself."""
    # A pipe would be waited for without end. What cannot be asked is no file, either: left_out names it.
    files = [entry for entry in _entries(folder) if os.path.isfile(entry)]
    sources: list[Source] = []
    if format in (None, Format.PARALLEL):
        books = find_books(folder, files, is_told=format is Format.PARALLEL)
        sources += [_book(root, parts) for root, parts in books.items()]
        leaves = {part.parent for parts in books.values() for part in parts}
        files = [file for file in files if not is_apart(file, leaves)]
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


def _entries(folder: Path) -> Iterator[Path]:
    """Yield in their order what lies below the folder, but what is hidden and what editors leave behind.

    A link to a folder is an entry and is not followed: it may lead to where it lies itself. So is, at the end, a
    folder that cannot be looked into.
    """
    closed: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=lambda error: closed.append(Path(error.filename))):
        shown = sorted((name for name in folders if not _is_hidden(name)), key=reading_order)
        links = [name for name in shown if Path(place, name).is_symlink()]
        folders[:] = [name for name in shown if name not in links]
        entries = sorted((*names, *links), key=reading_order)
        yield from (Path(place, name) for name in entries if not _is_hidden(name))
    yield from closed


def _is_hidden(name: str) -> bool:
    return name.startswith((".", "~$", "__MACOSX"))


def _single(root: Path, file: Path, format: Format | None) -> Source:
    relative = file.relative_to(root)
    return Source(readable_name(relative), root, (relative,), format or _format_of(file))


def _format_of(file: Path) -> Format:
    return Format.POETRY if _collection_of(file) else detect_format(file, file.name)


def _collection_of(file: Path) -> Collection | None:
    """Return the collection to which the file belongs; one that uses our own names only shares its name."""
    collection = find_collection(file.absolute())
    return None if collection is None or speaks_our_names(file) else collection


def _book(root: Path, files: Sequence[Path]) -> Source:
    relative = tuple(file.relative_to(root) for file in files)
    return Source(readable_name(Path(root.name)), root, relative, Format.PARALLEL)


def _collections(folder: Path, files: Sequence[Path]) -> tuple[list[Source], list[Path]]:
    """Gather the files of each collection in each folder; return them, and the files of none."""
    found: dict[tuple[Path, str, str], list[Path]] = defaultdict(list)
    rest: list[Path] = []
    for file in files:
        collection = _collection_of(file) if file.suffix.lower() == ".json" else None
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
