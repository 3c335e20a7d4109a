"""Decides how long work on the corpus tells how far it has come."""

from collections.abc import Callable
from enum import StrEnum


class Stage(StrEnum):
    """How far a file, or the whole corpus, has come."""

    READING = "reading"
    LOADING = "loading"
    FOLDING = "folding"
    INDEXING = "indexing"
    EMBEDDING = "embedding"


# Stage, processed so far, total.
Progress = Callable[[Stage, int, int], None]


def ignore_progress(stage: Stage, processed: int, total: int) -> None:
    """Let progress go unreported."""
