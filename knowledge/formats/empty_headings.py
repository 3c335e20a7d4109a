"""Decides which headings of a plain text are reported because nothing stands under them."""

from collections.abc import Iterator, Sequence

from knowledge.folding import fold
from knowledge.outlining.records import Heading, Refusal


class EmptyHeadings:
    """Keeps account of the headings passed: a line that is none but looks like one must not vanish."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, int], int] = {}
        self._filled: set[str] = set()

    def enter(self, heading: Heading, line: int) -> None:
        """Note a heading; in a PDF all those of a page have one number."""
        self._lines[heading.title, heading.number] = line

    def fill(self, headings: Sequence[Heading]) -> None:
        """Note that there is text under the headings."""
        for heading in headings:
            if self._lines.pop((heading.title, heading.number), None):
                self._filled.add(fold(heading.title))

    def refusals(self, file: str) -> Iterator[Refusal]:
        """Yield those left empty, but not a table of contents: its titles come again with their text."""
        for (title, _number), line in self._lines.items():
            # Folded, 宴桃园……12 is the same as 宴桃园.
            if fold(title) not in self._filled:
                yield Refusal(file, line, "这一行被当作篇名，其下没有文字。")
