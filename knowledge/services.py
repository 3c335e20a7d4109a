"""The use cases of the corpus: load a file, load the starter corpus, fill in vectors, remove a work."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np
from django.db import transaction

from knowledge import embeddings, starter_vectors, vectors
from knowledge.errors import CorpusFileRefused
from knowledge.formats import read_file
from knowledge.models import Passage, Work
from knowledge.outline import WorkOutline, hash_text, outline_works
from knowledge.records import Record, Refusal
from knowledge.storing import Changes, count_terms, lock_corpus, passage_terms, write_work

STARTER_FOLDER = Path(__file__).resolve().parent / "starter"
STARTER_ORIGIN = "starter/"
EMBEDDING_BATCH = 64


class Stage(StrEnum):
    """How far a file has come."""

    LOADING = "loading"
    EMBEDDING = "embedding"


Progress = Callable[[Stage, int, int], None]


@dataclass(frozen=True)
class LoadedWork:
    """What loading did to one work; ``unchanged`` means that the same content was there already."""

    title: str
    passages: int
    changes: Changes
    unchanged: bool


@dataclass
class IngestionResult:
    """What a file brought: its works, and the records that were refused."""

    works: list[LoadedWork] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def passage_count(self) -> int:
        """How many passages the file has, new or not."""
        return sum(work.passages for work in self.works)

    @property
    def unchanged(self) -> bool:
        """Tell whether everything in the file was in the corpus already."""
        return all(work.unchanged for work in self.works)


def ignore_progress(stage: Stage, processed: int, total: int) -> None:
    """Let progress go unreported."""


def ingest_file(
    *,
    path: Path,
    name: str | None = None,
    work_title: str | None = None,
    on_progress: Progress = ignore_progress,
    dry_run: bool = False,
) -> IngestionResult:
    """Load a file into the corpus, each of its works in a transaction of its own; vectors come later.

    Idempotent by content: a file that was loaded before changes nothing; one that has changed replaces
    what differs and leaves the ids of all other passages alone. Unfit records are reported, the rest is
    loaded. Raises ``CorpusFileRefused`` when the file as a whole cannot be read or holds no text.
    """
    name = name or path.name
    outlines, refusals = parse_file(path, name=name, work_title=work_title)
    return ingest_outlines(outlines, refusals=refusals, origin=name, on_progress=on_progress, dry_run=dry_run)


def ingest_outlines(
    outlines: Sequence[WorkOutline],
    *,
    refusals: Sequence[Refusal],
    origin: str,
    on_progress: Progress = ignore_progress,
    dry_run: bool = False,
) -> IngestionResult:
    """Store what ``parse_file`` has read, work by work."""
    result = IngestionResult(refusals=list(refusals))
    total = sum(len(outline.passages) for outline in outlines)
    on_progress(Stage.LOADING, 0, total)
    for outline in outlines:
        result.works.append(_describe(outline) if dry_run else store_work(outline=outline, origin=origin))
        on_progress(Stage.LOADING, result.passage_count, total)
    return result


def parse_file(
    path: Path, *, name: str, work_title: str | None = None
) -> tuple[list[WorkOutline], list[Refusal]]:
    """Read a file and outline its works; nothing is stored."""
    records: list[Record] = []
    refusals: list[Refusal] = []
    for item in read_file(path, name=name, work_title=work_title):
        if isinstance(item, Refusal):
            refusals.append(item)
        else:
            records.append(item)
    if not records:
        reason = f"第 {refusals[0].line} 行：{refusals[0].reason}" if refusals else ""
        raise CorpusFileRefused(f"文件里没有可导入的文字。{reason}")
    return outline_works(records), refusals


def store_work(*, outline: WorkOutline, origin: str) -> LoadedWork:
    """Make the work in the corpus equal to the outline, in one transaction under the corpus lock."""
    with transaction.atomic(durable=True):
        lock_corpus()
        work, _created = Work.objects.get_or_create(
            title=outline.details.title, edition=outline.details.edition
        )
        if work.content_hash == outline.content_hash:
            return _describe(outline, unchanged=True)
        return _describe(outline, write_work(work, outline, origin=origin))


def remove_work(*, work_id: int) -> int:
    """Delete a work with its sections, passages and vectors; return how many passages it had.

    A step, because the admin deletes inside a transaction of its own.
    """
    with transaction.atomic(savepoint=False):
        lock_corpus()
        work = Work.objects.get(pk=work_id)
        terms = passage_terms(work.passages.select_related("section", "work").defer("terms", "text"))
        count_terms(Counter({term: -count for term, count in terms.items()}))
        work.delete()
        return work.passage_count


def load_starter(*, folder: Path = STARTER_FOLDER) -> list[LoadedWork]:
    """Load the texts that come with the program; a work that an operator has loaded is left alone."""
    return [
        store_work(outline=outline, origin=STARTER_ORIGIN + name)
        for name, outline in outline_starter(folder)
        if not _is_operators(outline.details.title)
    ]


def outline_starter(folder: Path = STARTER_FOLDER) -> list[tuple[str, WorkOutline]]:
    """Read the texts that come with the program, each with its file's name; none of them may be unfit."""
    read: list[tuple[str, WorkOutline]] = []
    for path in sorted(folder.glob("*.md")):
        outlines, refusals = parse_file(path, name=path.name)
        if refusals:
            raise CorpusFileRefused(f"{path.name} 第 {refusals[0].line} 行：{refusals[0].reason}")
        read += [(path.name, outline) for outline in outlines]
    return read


def embed_starter(*, on_progress: Progress = ignore_progress) -> int:
    """Make the vectors that come with the program anew, for developers; return how many they are.

    Needs no database: what has its vector already keeps it.
    """
    model = embeddings.current_model()
    texts = {
        hash_text(text): text
        for _name, outline in outline_starter()
        for text in vectors.outline_inputs(outline)
    }
    known = starter_vectors.load_starter_vectors(model)
    made = {key: known[key] for key in texts if key in known}
    missing = [key for key in texts if key not in made]
    for start in range(0, len(missing), EMBEDDING_BATCH):
        keys = missing[start : start + EMBEDDING_BATCH]
        found = embeddings.get_embedder().embed_passages([texts[key] for key in keys])
        made |= dict(zip(keys, found.astype(np.float16), strict=True))
        on_progress(Stage.EMBEDDING, start + len(keys), len(missing))
    starter_vectors.save_starter_vectors(made, model=model)
    return len(missing)


def embed_missing(
    *,
    work_titles: Sequence[str] = (),
    starter_only: bool = False,
    on_progress: Progress = ignore_progress,
) -> int:
    """Give every passage that has no vector of the current model one; return how many were stored.

    Each batch is stored on its own, so that an interrupted run goes on where it was. Texts of the starter
    corpus take the vectors that come with the program; ``starter_only`` takes nothing else. No
    transaction is open while the model works. Raises ``EmbeddingUnavailable`` when the model gives no
    vectors.
    """
    model = embeddings.current_model()
    shipped = starter_vectors.load_starter_vectors(model)
    total = vectors.count_missing(model, work_titles=work_titles)
    seen = stored = after = 0
    while batch := vectors.missing_passages(
        model, after=after, limit=EMBEDDING_BATCH, work_titles=work_titles
    ):
        after = batch[-1].pk
        found = _vectors_of(batch, shipped, starter_only=starter_only)
        vectors.store_vectors(model, found)
        seen, stored = seen + len(batch), stored + len(found)
        on_progress(Stage.EMBEDDING, min(seen, total), total)
    return stored


def count_missing_vectors() -> int:
    """Return how many passages have no vector of the current model."""
    return vectors.count_missing(embeddings.current_model())


def _vectors_of(
    passages: list[Passage], shipped: Mapping[str, vectors.Vector], *, starter_only: bool
) -> dict[int, vectors.Vector]:
    inputs = {passage.pk: vectors.stored_input(passage) for passage in passages}
    found = {key: shipped[digest] for key, text in inputs.items() if (digest := hash_text(text)) in shipped}
    rest = [key for key in inputs if key not in found]
    if rest and not starter_only:
        made = embeddings.get_embedder().embed_passages([inputs[key] for key in rest])
        found |= dict(zip(rest, made, strict=True))
    return found


def _is_operators(title: str) -> bool:
    work = Work.objects.filter(title=title).only("origin", "edited_at").first()
    return work is not None and not work.origin.startswith(STARTER_ORIGIN)


def _describe(outline: WorkOutline, changes: Changes | None = None, *, unchanged: bool = False) -> LoadedWork:
    changes = changes or Changes(kept=len(outline.passages))
    return LoadedWork(outline.details.title, len(outline.passages), changes, unchanged)
