"""Decides how the bytes of one file are opened: where they are, what the file is called, how it is encoded."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from knowledge.errors import CorpusFileRefused
from knowledge.formats.file_names import title_of

MAX_LINE_CHARACTERS = 16_000_000
_ORDINAL_SHIFT = 32


@dataclass(frozen=True)
class CorpusFile:
    """One file of a source: ``name`` is its path relative to the source, ``ordinal`` its place among the files.

    ``encoding`` is a codec of Python that is known to decode the whole file; "" for binary formats.
    """

    path: Path
    name: str
    encoding: str = "utf-8"
    ordinal: int = 0

    @property
    def title(self) -> str:
        """The title that the file's name gives to a work without one."""
        return title_of(self.name)

    def number(self, line: int) -> int:
        """Return a number that no other line of the source has, to tell sections of one title apart."""
        return self.ordinal << _ORDINAL_SHIFT | line

    def open(self) -> TextIO:
        """Open the file as text with its line ends unified and without a byte order mark."""
        return self.path.open(encoding=self.encoding, newline=None)

    def lines(self) -> Iterator[tuple[int, str]]:
        """Yield each line with its number, from 1, without its line end; may be asked for again.

        Raises ``CorpusFileRefused`` for a line of more than ``MAX_LINE_CHARACTERS``.
        """
        with self.open() as text:
            number = 0
            while line := text.readline(MAX_LINE_CHARACTERS + 1):
                number += 1
                if len(line) > MAX_LINE_CHARACTERS:
                    raise CorpusFileRefused(
                        f"第 {number} 行超过 {MAX_LINE_CHARACTERS} 字，不像是文本。请拆分后再导入。"
                    )
                yield number, line.removesuffix("\n")
