"""Decides what of a text is verse in even metre, and which two of its half-lines are a couplet."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import lcm

from knowledge.folding import is_cjk

_HALF_LINE_CHARACTERS = range(3, 9)
# So many half-lines, each beside one of its length, are no accident; fewer count where nearly all the text is such.
_LEAST_HALF_LINES = 4
_METRED_SHARE = 0.8
# Couplets in the order in which unmarked verse is likely to be made of them: 五言, 七言, 四言, 六言, 三言.
_COUPLET_CHARACTERS = (10, 14, 8, 12, 6)

_FINALS, _SEMICOLONS, _COMMAS = "。！？!?…", "；;", "，,、：:．·"
# What has clauses of its own in brackets is an entry of a table rather than a line with an editor's remark.
_REMARK = re.compile(r"[(（〔\[][^()（）〔〕\[\]，。]*[)）〕\]]")
# A character that cannot be read still takes its place in the line.
_CLAUSE = re.compile(rf"([\w□][^\s{_FINALS}{_SEMICOLONS}{_COMMAS}]*)([^\w□]*)")
_OPEN, _COMMA, _SEMICOLON, _LINE, _FINAL, _BLANK_LINE = range(6)


@dataclass(frozen=True, slots=True)
class _Clause:
    """A stretch without any mark or space in it: in which unit it stands, how long it is, how strongly it ends.

    ``length`` is 0 for what can be no half-line. ``begins`` tells that it is the first of its unit, ``ends_line``
    that a line break follows.
    """

    unit: int
    length: int
    ending: int
    begins: bool
    ends_line: bool


def find_couplets(units: Sequence[str]) -> list[tuple[int, int]]:
    """Group lines or sentences so that no couplet lies in two groups, as half-open ranges over all of them.

    Counted in pairs are half-lines of one length (3 to 8 characters) that follow each other: through the whole
    text where at least four fifths of its clauses have a neighbour of their length, else where at least four
    units in a row are half-lines of which each has one. What ends more strongly than what follows is no first
    half. Where the metre changes between the two halves, and after a single line of another length, counting
    begins anew: what the two halves of a couplet there are is not known.
    """
    clauses = [clause for number, unit in enumerate(units) for clause in _clauses(unit, number)]
    if not _is_verse(clauses):
        verse = find_verse(units)
        clauses = [each if verse[each.unit] else replace(each, length=0) for each in clauses]
    joined = set()
    for run in _even_runs(clauses):
        joined |= {second.unit for first, second in _pairs(run) if first.unit < second.unit}
    starts = [number for number in range(len(units)) if number not in joined]
    return list(zip(starts, [*starts[1:], len(units)], strict=True)) if starts else []


def find_verse(lines: Sequence[str]) -> list[bool]:
    """Tell of each line whether it is evidently a half-line: one of at least four in a row, each beside its like."""
    if len(lines) < _LEAST_HALF_LINES:
        return [False] * len(lines)
    lengths = [_only_half_line(line) for line in lines]
    beside = zip([0, *lengths], lengths, [*lengths[1:], 0], strict=False)
    metred = [length > 0 and length in (before, after) for before, length, after in beside]
    rows = (list(row) for _key, row in groupby(metred))
    return [each and len(row) >= _LEAST_HALF_LINES for row in rows for each in row]


def couplet_step(length: int, max_characters: int) -> int:
    """Return after how many characters verse without any mark may be cut, or 0 where it cannot be verse.

    Its metre is not known: cut is where couplets of every metre end of which a text of this length can consist,
    the likelier metres first, as far as ``max_characters`` allows.
    """
    step = 1
    for couplet in _COUPLET_CHARACTERS:
        if length % couplet == 0 and lcm(step, couplet) <= max_characters:
            step = lcm(step, couplet)
    return step if step > 1 else 0


def _clauses(unit: str, number: int) -> Iterator[_Clause]:
    for order, (text, marks) in enumerate(_CLAUSE.findall(_REMARK.sub("", unit))):
        yield _Clause(number, _half_line(text), _ending(marks), begins=order == 0, ends_line="\n" in marks)


def _only_half_line(line: str) -> int:
    clauses = _CLAUSE.findall(_REMARK.sub("", line))
    return _half_line(clauses[0][0]) if len(clauses) == 1 else 0


def _half_line(clause: str) -> int:
    """Return the length of a clause that may be a half-line, else 0."""
    length = sum(is_cjk(character) or character == "□" for character in clause)
    return length if length in _HALF_LINE_CHARACTERS else 0


def _ending(marks: str) -> int:
    if marks.count("\n") > 1:
        return _BLANK_LINE
    if any(mark in _FINALS for mark in marks):
        return _FINAL
    if any(mark in _SEMICOLONS for mark in marks):
        return _SEMICOLON
    return _COMMA if any(mark in _COMMAS for mark in marks) else _OPEN


def _is_verse(clauses: Sequence[_Clause]) -> bool:
    metred = sum(map(len, _even_runs(clauses)))
    return metred >= max(_LEAST_HALF_LINES, _METRED_SHARE * len(clauses))


def _even_runs(clauses: Sequence[_Clause]) -> Iterator[list[_Clause]]:
    """Yield half-lines of one length that follow each other, at least two."""
    run: list[_Clause] = []
    for clause in clauses:
        if run and (clause.length != run[-1].length or run[-1].ending == _BLANK_LINE):
            if len(run) > 1:
                yield run
            run = []
        if clause.length:
            run.append(clause)
    if len(run) > 1:
        yield run


def _pairs(run: Sequence[_Clause]) -> Iterator[tuple[_Clause, _Clause]]:
    endings = _told_endings(run)
    position = 0
    if not run[0].begins:
        # The run begins in the middle of a sentence, which does not end with half a couplet.
        position = sum(clause.unit == run[0].unit for clause in run) % 2
    while position + 1 < len(run):
        first, second, *others = endings[position : position + 3]
        # A title may have the length of a half-line: it has no mark where the first half-line has.
        is_title = first in (_OPEN, _LINE) and others and first < second <= others[0]
        if first > second or is_title:
            position += 1
            continue
        yield run[position], run[position + 1]
        position += 2


def _told_endings(run: Sequence[_Clause]) -> list[int]:
    """Return how strongly each half-line ends; a line break tells nothing where every one of them has it."""
    tells = not all(clause.ends_line for clause in run[:-1])
    return [_LINE if tells and each.ends_line and each.ending == _OPEN else each.ending for each in run]
