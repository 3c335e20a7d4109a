"""Decides how the path that an export writes becomes headings: every section with its own author and number."""

import json
from typing import Any

from knowledge.formats.corpus_file import CorpusFile
from knowledge.outlining.records import Heading


def read_path(value: object, file: CorpusFile) -> tuple[Heading, ...]:
    """Read a list of ``{title, author, dynasty, number}``, or that list written as JSON in a table's cell.

    All but the title may be missing; ``number`` tells sections of the same title apart. Raises ``ValueError``
    for anything else.
    """
    steps = json.loads(value) if isinstance(value, str) else value
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise ValueError
    return tuple(_heading(step, file) for step in steps)


def _heading(step: dict[str, Any], file: CorpusFile) -> Heading:
    title, author, dynasty = (step.get(key, "") for key in ("title", "author", "dynasty"))
    number = step.get("number", 0)
    are_texts = all(isinstance(each, str) for each in (title, author, dynasty))
    if not are_texts or not isinstance(number, int) or number < 0:
        raise ValueError
    return Heading(title, author, dynasty, number and file.number(number))
