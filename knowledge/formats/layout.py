"""Decides how a plain text is laid out: what of its lines and indentations divides paragraphs."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from knowledge.formats.blocks import split_blocks

_INDENTATION = re.compile(r"^(?:　|[ \t]{2,})")
_FINISHED = re.compile(r"[。！？!?…：:；;」』”’》）)]\s*$")
_LEAST_JOINTS = 3
_PROSE_LINE_CHARACTERS, _WRAPPED_LINE_CHARACTERS = 32, 16
_INDENTED_SHARE, _SHORT_LINE_SHARE = 0.3, 0.75

Lines = Iterable[tuple[int, str]]


@dataclass(frozen=True)
class Layout:
    """How paragraphs are told apart.

    ``every_line``: each line is one. ``indented``: each begins with an indentation. ``width``: lines are
    broken at this number of characters in the middle of sentences, 0 where they are not.
    """

    every_line: bool
    indented: bool
    width: int


@dataclass
class _Survey:
    lines: int = 0
    indented: int = 0
    inner_blanks: int = 0
    # Places where two lines follow each other without a blank one, and what the first of the two is like.
    joints: int = 0
    finished: int = 0
    lengths: Counter[int] = field(default_factory=Counter)


def survey_layout(lines: Lines, is_heading: Callable[[str], bool]) -> Layout:
    """Look at all lines once and decide."""
    seen = _Survey()
    before, blanks = "", 0
    for _number, line in lines:
        stripped = line.strip()
        if not stripped or is_heading(stripped):
            blanks += not stripped
            before = ""
            continue
        seen.inner_blanks += blanks if seen.lines else 0
        blanks = 0
        seen.lines += 1
        seen.indented += bool(_INDENTATION.match(line))
        if before:
            seen.joints += 1
            seen.lengths[len(before)] += 1
            seen.finished += bool(_FINISHED.search(before))
        before = stripped
    return _decide(seen)


def _decide(seen: _Survey) -> Layout:
    indented = seen.indented >= max(1, _INDENTED_SHARE * seen.lines)
    mean = sum(length * count for length, count in seen.lengths.items()) / max(1, seen.joints)
    finished = seen.finished / max(1, seen.joints)
    is_wrapped = seen.joints >= _LEAST_JOINTS and finished < 0.5 and mean >= _WRAPPED_LINE_CHARACTERS
    is_prose = mean >= _PROSE_LINE_CHARACTERS and finished >= 0.5
    every_line = not is_wrapped and (not seen.inner_blanks or is_prose)
    return Layout(every_line, indented, _usual_width(seen.lengths) if is_wrapped else 0)


def _usual_width(lengths: Counter[int]) -> int:
    """Return a length that nine lines of ten do not exceed: a few overlong lines decide nothing."""
    rest = lengths.total() // 10
    for length in sorted(lengths, reverse=True):
        rest -= lengths[length]
        if rest < 0:
            return length
    return 0


def split_paragraphs(
    lines: Lines, layout: Layout, is_heading: Callable[[str], bool]
) -> Iterator[tuple[int, str]]:
    """Yield paragraphs with the number of their first line; headings stand alone.

    The lines of a paragraph stay lines, but for those that are only broken for their width.
    """
    if layout.every_line:
        yield from split_blocks(lines, stands_alone=lambda _line: True)
    elif not layout.width and not layout.indented:
        yield from split_blocks(lines, stands_alone=is_heading)
    else:
        yield from _joined_lines(lines, layout, is_heading)


def _joined_lines(
    lines: Lines, layout: Layout, is_heading: Callable[[str], bool]
) -> Iterator[tuple[int, str]]:
    start, block = 0, list[str]()
    glue = "" if layout.width else "\n"
    for number, line in lines:
        stripped = line.strip()
        begins = bool(_INDENTATION.match(line)) if layout.indented else _ends_paragraph(block, layout.width)
        if block and (not stripped or begins or is_heading(stripped) or is_heading(block[-1])):
            yield start, glue.join(block)
            block = []
        if stripped:
            start = start if block else number
            block.append(stripped)
    if block:
        yield start, glue.join(block)


def _ends_paragraph(block: list[str], width: int) -> bool:
    """Tell a last line by its being short and finished."""
    return bool(block) and len(block[-1]) < _SHORT_LINE_SHARE * width and bool(_FINISHED.search(block[-1]))
