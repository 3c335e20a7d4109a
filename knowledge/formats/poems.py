"""Decides which lines of a plain text are one poem."""

from collections.abc import Callable, Iterable, Iterator

from knowledge.outlining.metre import find_verse

# A half-line with its marks and an editor's remark is no longer.
_LINE_CHARACTERS = 40

Line = tuple[int, str]


def with_poems(
    lines: Iterable[Line], *, stands_alone: Callable[[str], bool]
) -> Iterator[tuple[int, str, bool]]:
    """Yield each numbered line with whether it goes on in the poem of the line before it.

    A poem is half-lines in even metre (``find_verse``) without a blank line between them. Its lines are held
    back until it ends.
    """
    block: list[Line] = []
    for number, line in lines:
        is_apart = len(line) > _LINE_CHARACTERS or stands_alone(line)
        if block and (is_apart or number > block[-1][0] + 1):
            yield from _told(block)
            block = []
        if is_apart:
            yield number, line, False
        else:
            block.append((number, line))
    yield from _told(block)


def _told(block: list[Line]) -> Iterator[tuple[int, str, bool]]:
    verse = find_verse([line for _number, line in block])
    before = False
    for (number, line), is_verse in zip(block, verse, strict=True):
        yield number, line, before and is_verse
        before = is_verse
