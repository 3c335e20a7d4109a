"""Decides which texts and vectors the benchmarks of the dense side work on: those of the benchmark's core."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def core_rows(data: Path) -> list[tuple[str, str, str]]:
    """Return the core's passages as (work, section, text)."""
    with gzip.open(data / "passages.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row.get("core")]
    return [(row["book"], row["chapter"], row["text"]) for row in rows]


def store_passages(rows: Sequence[tuple[str, str, str]]) -> list[int]:
    """Store (work, section or "", text) by COPY; return the passages' ids in the order of the rows."""
    from django.db import connection

    from knowledge.models import Section, Work

    titles = list(dict.fromkeys(work for work, _, _ in rows))
    works = dict(zip(titles, Work.objects.bulk_create(Work(title=title) for title in titles), strict=True))
    places = list(dict.fromkeys((work, section) for work, section, _ in rows if section))
    made = Section.objects.bulk_create(
        Section(work=works[work], ordinal=ordinal, title=path[:200], path=path)
        for ordinal, (work, path) in enumerate(places)
    )
    sections = dict(zip(places, made, strict=True))
    columns = "work_id, section_id, ordinal, kind, text, translation, continues, folded, length, content_hash, created_at"
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY knowledge_passage ({columns}) FROM STDIN") as copy:
            for ordinal, (work, path, text) in enumerate(rows):
                section = sections[work, path].pk if path else None
                place = (works[work].pk, section, ordinal)
                copy.write_row((*place, "root", text, "", False, text, len(text), "", "now"))
        cursor.execute("SELECT id FROM knowledge_passage ORDER BY ordinal")
        return [row[0] for row in cursor.fetchall()]


def core_vectors(data: Path, *, cache: Path) -> NDArray[np.float16]:
    """Return the bundled model's vectors of the core; the first run takes minutes and keeps them in ``cache``."""
    from knowledge.embeddings import BUNDLED_MODEL, embedder_named, passage_input

    file = cache / f"core-{BUNDLED_MODEL}.npy"
    if not file.is_file():
        print(f"Embedding the core once, for {file} …", flush=True)
        rows = core_rows(data)
        texts = [passage_input(work=work, section=section, text=text) for work, section, text in rows]
        made = embedder_named(BUNDLED_MODEL).embed_passages(texts).astype(np.float16)
        cache.mkdir(parents=True, exist_ok=True)
        with (partial := file.with_suffix(".partial")).open("wb") as out:
            np.save(out, made)
        partial.replace(file)
    vectors: NDArray[np.float16] = np.load(file)
    return vectors


def query_vectors(data: Path, *, count: int) -> NDArray[np.float32]:
    """Return the bundled model's vectors of so many queries, spread evenly over questions and modern sentences."""
    from knowledge.embeddings import BUNDLED_MODEL, embedder_named

    texts: list[str] = []
    for path in sorted(data.glob("queries_*.jsonl")):
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        texts += [row["query"] for row in rows if row["kind"] in ("question", "modern")]
    chosen = [texts[place] for place in np.linspace(0, len(texts) - 1, count).astype(int)]
    embedder = embedder_named(BUNDLED_MODEL)
    return np.array([embedder.embed_query(text) for text in chosen], np.float32)
