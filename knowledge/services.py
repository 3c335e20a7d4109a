"""The use cases of the corpus: store and remove a work, index, load the starter corpus, fill in vectors."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from django.db import transaction
from django.db.models import Max

from knowledge import embeddings, indexing, starter_vectors, vectors
from knowledge.errors import CorpusFileRefused
from knowledge.filling import count_missing_vectors as count_missing_vectors
from knowledge.filling import embed_missing as embed_missing
from knowledge.formats import discover
from knowledge.locks import Lock, wait_for
from knowledge.models import Passage, Work
from knowledge.outline import WorkOutline, hash_text
from knowledge.parsing import Parsed, ParsedWork, ParseRequest, RecordsRefused, SourceFailed, parse
from knowledge.postings import SEGMENT_LIMIT
from knowledge.progress import Progress as Progress
from knowledge.progress import Stage as Stage
from knowledge.progress import ignore_progress as ignore_progress
from knowledge.storing import Changes, delete_work, refold_passages, write_work

STARTER_FOLDER = Path(__file__).resolve().parent / "starter"
STARTER_ORIGIN = "starter/"
EMBEDDING_BATCH = 256


@dataclass(frozen=True)
class LoadedWork:
    """What loading did to one work; ``unchanged`` means that the same content was there already."""

    title: str
    edition: str
    passages: int
    changes: Changes
    unchanged: bool = False


def store_work(*, outline: WorkOutline, content_hash: str, origin: str) -> LoadedWork:
    """Make the work of that title and edition equal to the outline, in one transaction under the corpus lock."""
    with transaction.atomic(durable=True):
        wait_for(Lock.CORPUS)
        details = outline.details
        work, _created = Work.objects.get_or_create(title=details.title, edition=details.edition)
        return _store(work, outline, content_hash=content_hash, origin=origin)


def _store(work: Work, outline: WorkOutline, *, content_hash: str, origin: str) -> LoadedWork:
    details, count = outline.details, len(outline.passages)
    if work.content_hash == content_hash:
        return LoadedWork(details.title, details.edition, count, Changes(kept=count), unchanged=True)
    changes = write_work(work, outline, content_hash=content_hash, origin=origin)
    return LoadedWork(details.title, details.edition, count, changes)


def index_corpus(*, on_progress: Progress = ignore_progress) -> int:
    """Bring the lexical index up to date, segment by segment; return how many passages were indexed.

    Until then new passages are not found and removed ones are passed over. Safe to interrupt and repeat.
    """
    total = indexing.count_unindexed() + indexing.count_stale()
    processed = 0
    while indexed := _index_step():
        processed += indexed
        on_progress(Stage.INDEXING, processed, max(processed, total))
    return processed


def index_full_segments() -> None:
    """Index what fills whole segments, and leave the rest: so that much can be loaded at one go."""
    while indexing.count_unindexed() >= SEGMENT_LIMIT:
        with transaction.atomic(durable=True):
            wait_for(Lock.CORPUS)
            indexing.index_next()


def _index_step() -> int:
    with transaction.atomic(durable=True):
        wait_for(Lock.CORPUS)
        return indexing.index_next() or indexing.rebuild_stale()


def reindex_corpus(*, on_progress: Progress = ignore_progress) -> int:
    """Fold every passage anew and rebuild the whole index, segment by segment, while searches go on.

    Return how many passages are folded otherwise than they were. Safe to interrupt and repeat.
    """
    refolded = 0
    last = Passage.objects.aggregate(last=Max("pk"))["last"] or 0
    total, processed, after = Passage.objects.count(), 0, 0
    while after < last:
        with transaction.atomic(durable=True):
            wait_for(Lock.CORPUS)
            batch = refold_passages(after=after)
        after, processed = batch.last_id or last, processed + batch.passages
        refolded += batch.refolded
        on_progress(Stage.FOLDING, processed, max(processed, total))
    with transaction.atomic(durable=True):
        wait_for(Lock.CORPUS)
        indexing.mark_all_stale()
    index_corpus(on_progress=on_progress)
    return refolded


def remove_work(*, work_id: int) -> int:
    """Delete a work with its sections, passages and vectors; return how many passages it had.

    A step, because the admin deletes inside a transaction of its own.
    """
    with transaction.atomic(savepoint=False):
        wait_for(Lock.CORPUS)
        work = Work.objects.get(pk=work_id)
        indexing.mark_stale(work.passages.values_list("pk", flat=True))
        delete_work(work)
        return work.passage_count


def load_starter(*, folder: Path = STARTER_FOLDER) -> list[LoadedWork]:
    """Load the texts that come with the program; a work that an operator has loaded is left alone."""
    loaded = []
    for name, outline in outline_starter(folder):
        with transaction.atomic(durable=True):
            wait_for(Lock.CORPUS)
            if work := _claim_for_starter(outline):
                origin = f"{STARTER_ORIGIN}{name}"
                loaded.append(_store(work, outline, content_hash=outline.content_hash, origin=origin))
    index_corpus()
    return loaded


def _claim_for_starter(outline: WorkOutline) -> Work | None:
    """Return the work that the outline is to become: the starter's own of that title, whatever its edition.

    None where an operator has brought the title, or this very edition of it.
    """
    title, edition = outline.details.title, outline.details.edition
    known = list(Work.objects.filter(title=title).order_by("pk"))
    own = next((work for work in known if work.origin.startswith(STARTER_ORIGIN)), None)
    if own is None:
        return None if known else Work.objects.create(title=title, edition=edition)
    is_taken = any(work.edition == edition for work in known if work is not own)
    return None if is_taken else own


def outline_starter(folder: Path = STARTER_FOLDER) -> list[tuple[str, WorkOutline]]:
    """Read the texts that come with the program, each with its file's name; none of them may be unfit."""
    return [(path.name, outline) for path in sorted(folder.glob("*.md")) for outline in _read_whole(path)]


def _read_whole(path: Path) -> list[WorkOutline]:
    """Outline the works of a file of which nothing may be refused."""
    parsed: list[Parsed] = []
    parse(ParseRequest(discover([path])[0]), parsed.append)
    for item in parsed:
        if isinstance(item, RecordsRefused):
            raise CorpusFileRefused(f"{path.name} 第 {item.refusals[0].line} 行：{item.refusals[0].reason}")
        if isinstance(item, SourceFailed):
            raise CorpusFileRefused(f"{path.name}：{item.message}")
    return [item.outline for item in parsed if isinstance(item, ParsedWork)]


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
