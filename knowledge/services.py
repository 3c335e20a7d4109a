"""The use cases of the corpus: store a work, remove it, keep the index up to date."""

from dataclasses import dataclass

from django.db import transaction
from django.db.models import Max

from knowledge.errors import CorpusFileRefused
from knowledge.index import indexing
from knowledge.index.postings import SEGMENT_LIMIT
from knowledge.locks import Lock, wait_for
from knowledge.models import Passage, StarterWork, Work
from knowledge.outlining.outline import WorkOutline
from knowledge.progress import Progress, Stage, ignore_progress
from knowledge.storage.matching import is_other_text
from knowledge.storage.works import Changes, delete_work, refold_passages, write_work


@dataclass(frozen=True)
class LoadedWork:
    """What loading did to one work; ``unchanged`` means that the same content was there already."""

    title: str
    edition: str
    passages: int
    changes: Changes
    unchanged: bool = False


def store_work(
    *, outline: WorkOutline, content_hash: str, origin: str, may_replace_another_text: bool = True
) -> LoadedWork:
    """Make the work of that title and edition equal to the outline, in one transaction under the corpus lock.

    A work that came with the program is the operator's own from then on. Unless ``may_replace_another_text``,
    a work whose text has nothing in common with the outline's is left alone: raises ``CorpusFileRefused``.
    """
    with transaction.atomic(durable=True):
        wait_for(Lock.CORPUS)
        details = outline.details
        work, _created = Work.objects.get_or_create(title=details.title, edition=details.edition)
        if not may_replace_another_text and is_other_text(work, outline):
            raise CorpusFileRefused(
                f"库中已有{work}（导入自 {work.origin}），内容完全不同，没有覆盖；"
                "请用 --work 写明书名，或用 --edition 写明版本。"
            )
        loaded = replace_text(work, outline, content_hash=content_hash, origin=origin)
        if not loaded.unchanged:
            StarterWork.objects.filter(work=work).update(work=None)
        return loaded


def replace_text(work: Work, outline: WorkOutline, *, content_hash: str, origin: str) -> LoadedWork:
    """Make the work equal to the outline; a step, under the corpus lock."""
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
