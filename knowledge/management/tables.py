"""Decides how a command prints a table: columns aligned by the width that a terminal gives each character."""

import unicodedata
from collections.abc import Iterator, Sequence

_GAP = "  "


def format_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], *, flush_left: Sequence[int] = (0,)
) -> Iterator[str]:
    """Yield the lines of a table; columns of words are flush left, all others (figures) flush right."""
    lines = [headings, *rows]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(headings))]
    for line in lines:
        cells = [
            _pad(cell, widths[column], flush_left=column in flush_left) for column, cell in enumerate(line)
        ]
        yield _GAP.join(cells).rstrip()


def _pad(cell: str, width: int, *, flush_left: bool) -> str:
    space = " " * (width - _width(cell))
    return cell + space if flush_left else space + cell


def _width(text: str) -> int:
    """How many columns of a terminal the text takes: East Asian wide characters take two."""
    return sum(1 + (unicodedata.east_asian_width(character) in "WF") for character in text)
