"""Decides how a table is written so that Excel opens it with its characters right."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol


class Rows(Protocol):
    """Takes the rows of a table one by one."""

    def writerow(self, row: Iterable[object], /) -> object:
        """Write one row."""


@contextmanager
def open_spreadsheet(path: Path, headings: Sequence[str]) -> Iterator[Rows]:
    """Open a CSV at the path for writing, replacing what is there; its first row are the headings."""
    # The mark at the beginning tells Excel that it is UTF-8.
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(headings)
        yield rows
