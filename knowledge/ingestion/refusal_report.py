"""Decides how refused records are written down for people: a CSV that Excel opens with its characters right."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from guoxue.spreadsheets import Rows, open_spreadsheet

NOT_READ = "没有读取：不是可识别的格式，不是普通文件，或无权读取。"
_HEADINGS = ("文件", "行", "原因")
# Neither a terminal nor UTF-8 nor PostgreSQL takes them all; a refused record may well have been refused for one.
_ILLEGIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def legible(text: str) -> str:
    """Return the text with U+FFFD for each control character and each lone surrogate, as of a file's name in GBK."""
    return _ILLEGIBLE.sub("\ufffd", text)


class RefusalReport:
    """Takes refused records one by one."""

    def __init__(self, rows: Rows) -> None:
        self.count = 0
        self._rows = rows

    def add(self, file: str, line: int, reason: str) -> None:
        """Write one record; line 0 means the file as a whole and stays empty."""
        self.count += 1
        self._rows.writerow((legible(file), line or "", legible(reason)))


@contextmanager
def open_report(path: Path) -> Iterator[RefusalReport]:
    """Open a report at the path, replacing what is there."""
    with open_spreadsheet(path, _HEADINGS) as rows:
        yield RefusalReport(rows)


def is_report(path: Path) -> bool:
    """Tell whether the file is a report of an earlier run; what cannot be read is none."""
    try:
        with path.open("rb") as file:
            first = file.readline(100)
    except OSError:
        return False
    return first.decode("utf-8-sig", errors="replace").strip() == ",".join(_HEADINGS)
