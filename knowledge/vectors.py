"""Decides which passages still need a vector of a model, and stores vectors."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TypeAlias

import numpy as np
from django.db import connection
from numpy.typing import NDArray
from pgvector import HalfVector

from knowledge.embeddings import passage_input
from knowledge.models import Passage
from knowledge.outline import WorkOutline

_EMBEDDING_LOCK = 7_141_952

Vector: TypeAlias = NDArray[np.floating]


@contextmanager
def sole_embedding() -> Iterator[bool]:
    """Tell whether this process alone fills in vectors now; the claim ends with the block or with its connection."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [_EMBEDDING_LOCK])
        claimed = bool(cursor.fetchone()[0])
    try:
        yield claimed
    finally:
        if claimed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_EMBEDDING_LOCK])


def stored_input(passage: Passage) -> str:
    """Return what a model is given of a stored passage: its text with the names of its place."""
    return _input(*passage.place, passage.text)


def outline_inputs(outline: WorkOutline) -> list[str]:
    """Return what a model is given of the passages of a work that is not stored yet."""
    sections = [(section.path, section.author) for section in outline.sections]
    return [
        _input(
            outline.details.title, *(("", "") if each.section is None else sections[each.section]), each.text
        )
        for each in outline.passages
    ]


def _input(work: str, section_path: str, author: str, text: str) -> str:
    return passage_input(work=work, section=f"{author} {section_path}".strip(), text=text)


def missing_passages(model: str, *, after: int, limit: int, work_titles: Sequence[str] = ()) -> list[Passage]:
    """Return the next passages, by id, that have no vector of the model."""
    passages = Passage.objects.located().filter(pk__gt=after).exclude(embeddings__model=model)
    if work_titles:
        passages = passages.filter(work__title__in=list(work_titles))
    return list(passages.order_by("pk")[:limit])


def count_missing(model: str, *, work_titles: Sequence[str] = ()) -> int:
    """Return how many passages have no vector of the model."""
    passages = Passage.objects.exclude(embeddings__model=model)
    if work_titles:
        passages = passages.filter(work__title__in=list(work_titles))
    return passages.count()


def store_vectors(model: str, vectors: Mapping[int, Vector]) -> None:
    """Store vectors by passage id; passages that have gone or have one already are passed over."""
    texts = [HalfVector(vector).to_text() for vector in vectors.values()]
    with connection.cursor() as cursor:
        cursor.execute(_STORE, {"model": model, "ids": list(vectors), "vectors": texts})


_STORE = """
    INSERT INTO knowledge_embedding (passage_id, model, vector, created_at)
    SELECT passage.id, %(model)s, given.vector::halfvec, now()
    FROM unnest(%(ids)s::bigint[], %(vectors)s::text[]) AS given (id, vector)
    JOIN knowledge_passage AS passage ON passage.id = given.id
    ON CONFLICT (passage_id, model) DO NOTHING
"""
