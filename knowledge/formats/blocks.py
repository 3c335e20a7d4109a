"""Decides where one paragraph ends and the next begins."""

from collections.abc import Callable, Iterable, Iterator


def split_blocks(
    lines: Iterable[tuple[int, str]], *, stands_alone: Callable[[str], bool]
) -> Iterator[tuple[int, str]]:
    """Yield paragraphs with the number of their first line; blank lines divide them, headings stand alone."""
    start, block = 0, list[str]()
    for number, line in lines:
        stripped = line.strip()
        alone = bool(stripped) and stands_alone(stripped)
        if block and (alone or not stripped):
            yield start, "\n".join(block)
            block = []
        if alone:
            yield number, stripped
        elif stripped:
            start = start if block else number
            block.append(stripped)
    if block:
        yield start, "\n".join(block)
