"""Decides which line of the classics belongs to a day."""

import datetime
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.db.models import Q

from guoxue.errors import NotFound
from knowledge.models import Passage, Work

# Chosen by hand from the texts that come with the program; a test holds each of them against these texts.
LINES_FILE = Path(__file__).resolve().parent / "daily_lines.tsv"
_FIRST_BATCH = 4
_GROWTH = 8
_CLAUSE = re.compile(r"[^，。！？；：、\n]+[，。！？；：、]?\n?")


@dataclass(frozen=True)
class Line:
    """A line worth remembering, and where it stands: the work's title and the section's path."""

    work: str
    section: str
    text: str


@dataclass(frozen=True)
class DailyLine:
    """The line of a day, with the passage that holds it."""

    date: datetime.date
    text: str
    passage: Passage


@cache
def read_lines() -> tuple[Line, ...]:
    """Read the lines, in the order of their file."""
    rows = (row.split("\t") for row in LINES_FILE.read_text("utf-8").splitlines())
    return tuple(Line(work, section, text.replace("\\n", "\n")) for work, section, text in rows)


def choose_line(date: datetime.date) -> DailyLine:
    """Return the line of the day; raise ``NotFound`` where the corpus has none of the lines.

    Every line draws a number from the date and its own words, and the lowest one that the corpus has wins.
    So every process comes to the same line; other works in the corpus change nothing; and a line that is
    added to the file later takes over only the days on which it wins.
    """
    for batch in _batches(sorted(read_lines(), key=lambda line: _draw(date, line))):
        passages = _find(batch)
        for line in batch:
            if line in passages:
                return DailyLine(date, line.text, passages[line])
    raise NotFound("典籍库里还没有可作每日一句的句子。")


def split_clauses(text: str) -> list[str]:
    """Divide a line after its punctuation, as it is set in columns: 学而不思则罔， 思而不学则殆。"""
    return [clause.strip() for clause in _CLAUSE.findall(text) if clause.strip()]


def _draw(date: datetime.date, line: Line) -> bytes:
    return hashlib.sha256(f"{date.isoformat()} {line.text}".encode()).digest()


def _batches(lines: list[Line]) -> Iterator[list[Line]]:
    """The lines in their order, few at first: the first one is there unless somebody has replaced its text."""
    start, size = 0, _FIRST_BATCH
    while start < len(lines):
        yield lines[start : start + size]
        start, size = start + size, size * _GROWTH


def _find(lines: list[Line]) -> dict[Line, Passage]:
    """The passages that hold the lines where they should stand; of several editions the one that came first."""
    titles = {line.work for line in lines}
    works = dict(Work.objects.filter(title__in=titles).values_list("pk", "title"))
    if not works:
        return {}
    standing = Q()
    for line in lines:
        standing |= Q(section__path=line.section, text__contains=line.text)
    candidates = Passage.objects.located().filter(standing, work__in=list(works), kind=Passage.Kind.ROOT)
    found: dict[Line, Passage] = {}
    for passage in candidates.order_by("work", "ordinal"):
        for line in lines:
            place = (works[passage.work_id], passage.section_path)
            if place == (line.work, line.section) and line.text in passage.text:
                found.setdefault(line, passage)
    return found
