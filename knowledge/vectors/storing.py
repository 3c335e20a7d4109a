"""Decides which passages still need a vector of a model, and stores vectors."""

import struct
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from django.db import connection, transaction
from django.db.models import Case, OuterRef, Subquery, TextField, Value, When
from numpy.typing import NDArray

from knowledge.embeddings import passage_input
from knowledge.models import Passage, PassageQuerySet
from knowledge.outlining.chunking import lead_of
from knowledge.outlining.outline import WorkOutline

Vector: TypeAlias = NDArray[np.floating]


def stored_input(passage: Passage) -> str:
    """Return what a model is given of a stored passage: its text with the names of its place.

    Where the passage continues the one before it, the last sentence of that one goes before its text.
    """
    previous = getattr(passage, "text_before", None) if passage.continues else ""
    if previous is None:
        before = Passage.objects.filter(work=passage.work_id, ordinal=passage.ordinal - 1)
        previous = before.values_list("text", flat=True).first() or ""
    place = passage.place
    return _input(place.work, place.path, place.author, lead_of(previous) if previous else "", passage.text)


def outline_inputs(outline: WorkOutline) -> list[str]:
    """Return what a model is given of the passages of a work that is not stored yet."""
    sections = [(section.path, section.author) for section in outline.sections]
    return [
        _input(
            outline.details.title,
            *(("", "") if each.section is None else sections[each.section]),
            each.lead,
            each.text,
        )
        for each in outline.passages
    ]


def _input(work: str, section_path: str, author: str, lead: str, text: str) -> str:
    return passage_input(work=work, section=f"{author} {section_path}".strip(), text=f"{lead}{text}")


def missing_passages(model: str, *, after: int, limit: int, work_titles: Sequence[str] = ()) -> list[Passage]:
    """Return the next passages, by id, that have no vector of the model, with all that ``stored_input`` needs."""
    before = Passage.objects.filter(work=OuterRef("work"), ordinal=OuterRef("ordinal") - 1)
    passages = _without_vector(model, work_titles).located().filter(pk__gt=after)
    text_before = Case(
        When(continues=True, then=Subquery(before.values("text")[:1])),
        default=Value(""),
        output_field=TextField(),
    )
    return list(
        passages.defer("folded", "translation").annotate(text_before=text_before).order_by("pk")[:limit]
    )


def count_missing(model: str, *, work_titles: Sequence[str] = ()) -> int:
    """Return how many passages have no vector of the model."""
    return _without_vector(model, work_titles).count()


def _without_vector(model: str, work_titles: Sequence[str]) -> PassageQuerySet:
    passages = Passage.objects.exclude(embeddings__model=model)
    return passages.filter(work__title__in=list(work_titles)) if work_titles else passages


def store_vectors(model: str, vectors: Mapping[int, Vector]) -> None:
    """Store vectors by passage id; passages that have gone or have one already are passed over.

    All vectors have one length. They go in by binary COPY to a temporary table, from there to their own.
    """
    if not vectors:
        return
    with transaction.atomic(savepoint=False), connection.cursor() as cursor:
        cursor.execute(_PREPARE)
        with cursor.copy("COPY given_vector FROM STDIN (FORMAT BINARY)") as copy:
            copy.write(_encode(list(vectors), np.array(list(vectors.values()), np.float16)))
        cursor.execute(_STORE, {"model": model})


def _encode(passage_ids: Sequence[int], vectors: NDArray[np.float16]) -> bytes:
    """Write rows of (bigint, halfvec) in PostgreSQL's binary COPY format; a halfvec is sent as by pgvector."""
    count, dimensions = vectors.shape
    row = np.dtype(
        [
            ("fields", ">i2"),
            ("id_bytes", ">i4"),
            ("id", ">i8"),
            ("vector_bytes", ">i4"),
            ("dimensions", ">i2"),
            ("unused", ">i2"),
            ("values", ">f2", (dimensions,)),
        ]
    )
    rows = np.zeros(count, row)
    rows["fields"], rows["id_bytes"], rows["vector_bytes"] = 2, 8, 4 + 2 * dimensions
    rows["id"], rows["dimensions"], rows["values"] = passage_ids, dimensions, vectors
    header = struct.pack(">11sii", b"PGCOPY\n\xff\r\n\0", 0, 0)
    return header + rows.tobytes() + struct.pack(">h", -1)


_PREPARE = """
    CREATE TEMPORARY TABLE IF NOT EXISTS given_vector (id bigint NOT NULL, vector halfvec NOT NULL) ON COMMIT DROP;
    TRUNCATE given_vector
"""
# The lock keeps the passage until the vector's own reference to it is checked.
_STORE = """
    INSERT INTO knowledge_embedding (passage_id, work_id, model, vector, created_at)
    SELECT passage.id, passage.work_id, %(model)s, given.vector, now()
    FROM given_vector AS given JOIN knowledge_passage AS passage ON passage.id = given.id
    ORDER BY passage.id
    FOR KEY SHARE OF passage
    ON CONFLICT (passage_id, model) DO NOTHING
"""
