"""Decides how the index follows the corpus: new passages enter a segment, one whose passages changed is rebuilt.

Every function is a step inside the caller's transaction, which holds the corpus lock: passages get their ids
under it, so that none can appear below the last one indexed.
"""

from collections.abc import Iterable

import numpy as np
from django.db import connection
from django.db.models import F, Max, Sum
from django.db.models.functions import Length

from knowledge.folding import fold
from knowledge.index.postings import SEGMENT_LIMIT, Document, build_blocks, count_characters
from knowledge.models import IndexSegment, Passage, PostingBlock
from knowledge.outlining.terms import fold_names

# A segment has no more characters than this, so that writing one takes some hundred megabytes at most.
SEGMENT_CHARACTERS = 10_000_000


def count_unindexed() -> int:
    """Return how many passages no segment holds yet."""
    return Passage.objects.filter(pk__gt=_last_indexed()).count()


def count_stale() -> int:
    """Return how many passages the segments hold that are to be written anew."""
    return IndexSegment.objects.filter(is_stale=True).aggregate(total=Sum("passage_count"))["total"] or 0


def index_next() -> int:
    """Put the next passages into a segment, together with smaller ones before it; return how many are new."""
    after = _last_indexed()
    fresh = Passage.objects.filter(pk__gt=after).order_by("pk").values_list("pk", _CHARACTERS)[:SEGMENT_LIMIT]
    count = characters = last = 0
    for key, size in fresh:
        if count and characters + size > SEGMENT_CHARACTERS:
            break
        count, characters, last = count + 1, characters + size, key
    if not count:
        return 0
    absorbed = _absorbable(count, characters)
    first = min((segment.first_passage_id for segment in absorbed), default=after + 1)
    _drop(absorbed)
    _write_segment(first, last)
    return count


def rebuild_stale() -> int:
    """Write one segment anew whose passages have changed; return how many passages it holds, 0 if none has."""
    segment = IndexSegment.objects.filter(is_stale=True).order_by("last_passage_id").only(*_RANGE).first()
    if segment is None:
        return 0
    _drop([segment])
    return _write_segment(segment.first_passage_id, segment.last_passage_id)


def mark_stale(passage_ids: Iterable[int]) -> None:
    """Note that passages were removed or moved: their segments no longer say what the corpus says."""
    ids = np.unique(np.fromiter(passage_ids, np.int64))
    for segment in IndexSegment.objects.filter(is_stale=False).only(*_RANGE):
        if np.searchsorted(ids, segment.first_passage_id) < np.searchsorted(
            ids, segment.last_passage_id, "right"
        ):
            IndexSegment.objects.filter(pk=segment.pk).update(is_stale=True)


def mark_all_stale() -> None:
    """Let every segment be written anew, as after a change of the folding."""
    IndexSegment.objects.update(is_stale=True)


_CHARACTERS = F("length") + Length("translation")
_RANGE = ("first_passage_id", "last_passage_id", "passage_count")


def _last_indexed() -> int:
    return IndexSegment.objects.aggregate(last=Max("last_passage_id"))["last"] or 0


def _absorbable(count: int, characters: int) -> list[IndexSegment]:
    """Return the last segments that are no larger than what follows them: so there are only a few small ones."""
    absorbed: list[IndexSegment] = []
    for segment in IndexSegment.objects.order_by("-last_passage_id").only(*_RANGE):
        if segment.passage_count > count or segment.passage_count + count > SEGMENT_LIMIT:
            break
        held = Passage.objects.filter(pk__range=(segment.first_passage_id, segment.last_passage_id))
        characters += held.aggregate(total=Sum(_CHARACTERS))["total"] or 0
        if characters > SEGMENT_CHARACTERS:
            break
        absorbed.append(segment)
        count += segment.passage_count
    return absorbed


def _drop(segments: list[IndexSegment]) -> None:
    keys = [segment.pk for segment in segments]
    PostingBlock.objects.filter(segment__in=keys)._raw_delete(using="default")
    IndexSegment.objects.filter(pk__in=keys).delete()


def _write_segment(first: int, last: int) -> int:
    """Index the passages from ``first`` to ``last``; a range without any leaves no segment."""
    rows = list(_read_passages(first, last))
    if not rows:
        return 0
    documents = [Document(text, names, translation) for _id, _work, text, names, translation in rows]
    lengths = [len(each.text) + sum(map(len, each.names)) for each in documents]
    characters, frequencies = count_characters(documents)
    segment = IndexSegment.objects.create(
        first_passage_id=first,
        last_passage_id=last,
        passage_count=len(rows),
        passage_ids=np.array([row[0] for row in rows], "<i8").tobytes(),
        work_ids=np.array([row[1] for row in rows], "<i8").tobytes(),
        lengths=np.array(lengths, "<u4").tobytes(),
        characters=characters.astype("<u4").tobytes(),
        frequencies=frequencies.astype("<u4").tobytes(),
        has_translations=any(each.translation for each in documents),
    )
    statement = "COPY knowledge_postingblock (segment_id, first_term, data) FROM STDIN (FORMAT BINARY)"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(["uuid", "int8", "bytea"])
        for block in build_blocks(documents):
            copy.write_row((segment.pk, block.first_term, block.data))
    return len(rows)


def _read_passages(first: int, last: int) -> Iterable[tuple[int, int, str, tuple[str, ...], str]]:
    passages = Passage.objects.filter(pk__range=(first, last)).order_by("pk")
    columns = ("pk", "work_id", "folded", "translation")
    names = ("work__title", "section__path", "section__author")
    for key, work_id, text, translation, *place in passages.values_list(*columns, *names).iterator(10_000):
        folded = fold_names(name or "" for name in place)
        yield key, work_id, text, folded, fold(translation) if translation else ""
