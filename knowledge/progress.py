"""Decides how long work on the corpus tells how far it has come."""

from collections.abc import Callable

from django.db.models import TextChoices


class Stage(TextChoices):
    """How far a file, or the whole corpus, has come."""

    READING = "reading", "读取文件"
    LOADING = "loading", "载入记录"
    FOLDING = "folding", "折叠文字"
    INDEXING = "indexing", "建立索引"
    EMBEDDING = "embedding", "生成向量"


# Stage, processed so far, total.
Progress = Callable[[Stage, int, int], None]


def ignore_progress(stage: Stage, processed: int, total: int) -> None:
    """Let progress go unreported."""
