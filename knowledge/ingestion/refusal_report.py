"""Decides how refused records are written down for people: a CSV that Excel opens with its characters right."""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

_HEADINGS = ("文件", "行", "原因")


class RefusalReport:
    """Takes refused records one by one."""

    def __init__(self, writer: "_Writer") -> None:
        self.count = 0
        self._writer = writer

    def add(self, file: str, line: int, reason: str) -> None:
        """Write one record; line 0 means the file as a whole and stays empty."""
        self.count += 1
        self._writer.writerow((file, line or "", reason))


@contextmanager
def open_report(path: Path) -> Iterator[RefusalReport]:
    """Open a report at the path, replacing what is there."""
    # The mark at the beginning tells Excel that it is UTF-8.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADINGS)
        yield RefusalReport(writer)


class _Writer(Protocol):
    def writerow(self, row: tuple[object, ...], /) -> object: ...
