"""Decides how the name of a file is read: in which encoding it was written, and which title it gives."""

import os
from pathlib import Path, PurePath, PurePosixPath


def decode_name(raw: bytes) -> str:
    """Read a name that is UTF-8, or else was most likely written on Chinese Windows."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("gb18030", errors="replace")


def readable_name(path: PurePath) -> str:
    """Return the path with slashes, as people read it; a name that is no UTF-8 could not be stored or shown."""
    return Path(*map(_readable_part, path.parts)).as_posix()


def title_of(name: str) -> str:
    """Return the title that a file's readable name gives, without folders and suffix: the last resort for a work.

    ``论语/text.txt`` is called after its folder: the name says only that it is the text of something.
    """
    path = PurePosixPath(name)
    return path.stem if path.stem != "text" else path.parent.name or path.stem


def _readable_part(part: str) -> str:
    return decode_name(os.fsencode(part)) if _has_surrogates(part) else part


def _has_surrogates(part: str) -> bool:
    """Tell the bytes that Python has put into a name because they are no UTF-8."""
    return any("\udc80" <= character <= "\udcff" for character in part)
