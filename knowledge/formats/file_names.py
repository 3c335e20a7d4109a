"""Decides how the name of a file is read when nobody says in which encoding it was written."""

import os
from pathlib import Path, PurePath


def decode_name(raw: bytes) -> str:
    """Read a name that is UTF-8, or else was most likely written on Chinese Windows."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw.decode("gb18030", errors="replace")


def readable_name(path: PurePath) -> str:
    """Return the path with slashes, as people read it; a name that is no UTF-8 could not be stored or shown."""
    return Path(*map(_readable_part, path.parts)).as_posix()


def _readable_part(part: str) -> str:
    return decode_name(os.fsencode(part)) if _has_surrogates(part) else part


def _has_surrogates(part: str) -> bool:
    """Tell the bytes that Python has put into a name because they are no UTF-8."""
    return any("\udc80" <= character <= "\udcff" for character in part)
