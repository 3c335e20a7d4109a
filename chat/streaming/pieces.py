"""Decides how the text of a growing reply is kept: as one text, of which every piece can be had by its number."""

from array import array
from io import StringIO


class Pieces:
    """Texts in the order in which they came, which only grow in number.

    In one text a character takes four bytes, in a string of some characters each some thirty.
    """

    def __init__(self) -> None:
        self.clear()

    def append(self, text: str) -> None:
        """Add a piece."""
        self._text.seek(self._ends[-1])
        self._text.write(text)
        self._ends.append(self._ends[-1] + len(text))

    def clear(self) -> None:
        """Drop all pieces."""
        self._text = StringIO()
        # Where each piece ends, in characters; before the first one there is nothing.
        self._ends = array("I", (0,))

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, number: int) -> str:
        """Return a piece; the first is number 0."""
        start, end = self._ends[number], self._ends[number + 1]
        self._text.seek(start)
        return self._text.read(end - start)

    def __str__(self) -> str:
        return self._text.getvalue()
