"""The use cases of vectors: fill in those that lack, let the search go over to another model, remove old ones."""

import logging
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from knowledge import embeddings
from knowledge.embeddings import Embedder
from knowledge.errors import EmbeddingModelIncomplete, EmbeddingModelInUse
from knowledge.locks import Lock, wait_for
from knowledge.models import Embedding, EmbeddingModel, Passage
from knowledge.outlining.outline import hash_text
from knowledge.progress import Progress, Stage, ignore_progress
from knowledge.vectors import starter_vectors, storing, vector_index
from knowledge.vectors.serving import check_dimensions, models_in_use, serving_model

logger = logging.getLogger(__name__)

# Larger batches have more texts of each length, smaller ones lose less when a run is interrupted.
EMBEDDING_BATCH = 512
_REMOVED_AT_ONCE = 10_000


@dataclass(frozen=True)
class Completed:
    """What was done for a model once its vectors were made."""

    model: str
    missing: int
    indexed: bool
    serves: bool
    switched: bool


def embed_missing(
    *,
    model: str | None = None,
    work_titles: Sequence[str] = (),
    starter_only: bool = False,
    on_progress: Progress = ignore_progress,
) -> int:
    """Give every passage that has no vector one of each model in use, or of the named one; return how many.

    Each batch is stored on its own, so that an interrupted run goes on where it was. Texts of the starter
    corpus take the vectors that come with the program; ``starter_only`` takes nothing else. No transaction is
    open while the model works. Raises ``EmbeddingUnavailable`` when the model gives no vectors.
    """
    models = [model] if model else models_in_use()
    totals = [storing.count_missing(each, work_titles=work_titles) for each in models]
    total, seen, stored = sum(totals), 0, 0
    for each, lacking in zip(models, totals, strict=True):
        embedder = embeddings.embedder_named(each)
        register_model(embedder)
        shipped = starter_vectors.load_starter_vectors(each)
        if not lacking or (starter_only and not shipped):
            continue
        batches = _batches(each, work_titles)
        for count, found in _embed_ahead(embedder, batches, shipped, starter_only=starter_only):
            storing.store_vectors(each, found)
            seen, stored = seen + count, stored + len(found)
            on_progress(Stage.EMBEDDING, min(seen, total), total)
    return stored


def count_missing_vectors() -> int:
    """Return how many vectors the models in use lack."""
    return sum(storing.count_missing(model) for model in models_in_use())


def register_model(embedder: Embedder) -> None:
    """Note a model before its first vector is stored; the first one ever serves from then on.

    Raises ``EmbeddingDimensionsMismatch`` when it has vectors of another length already.
    """
    check_dimensions(embedder)
    if EmbeddingModel.objects.filter(name=embedder.name).exists():
        return
    with transaction.atomic(savepoint=False):
        wait_for(Lock.SERVING_MODEL)
        is_first = not EmbeddingModel.objects.filter(is_serving=True).exists()
        EmbeddingModel.objects.get_or_create(
            name=embedder.name,
            defaults={
                "dimensions": embedder.dimensions,
                "is_serving": is_first,
                "served_at": timezone.now() if is_first else None,
            },
        )


def complete_models() -> list[Completed]:
    """Index the vectors of the models in use, and let the chosen one serve once it has them all."""
    chosen = embeddings.current_model()
    return [complete_model(each, may_serve=each == chosen) for each in models_in_use()]


def complete_model(model: str, *, may_serve: bool) -> Completed:
    """Build the model's index where it is worth one; then, if it lacks nothing, let the search go over to it.

    Not in a transaction: the search goes on while the index is built.
    """
    indexed = _index(model)
    missing = storing.count_missing(model)
    serves = model == serving_model()
    switched = may_serve and not serves and missing == 0 and _has_vectors(model)
    if switched:
        switch_model(model=model)
    return Completed(model, missing, indexed, serves or switched, switched)


def switch_model(*, model: str, even_if_incomplete: bool = False) -> None:
    """Let the search go over to the model, in one transaction; the vectors of the other stay.

    Raises ``EmbeddingModelIncomplete`` when passages lack a vector of it, unless that is accepted, and always
    when none has one.
    """
    with transaction.atomic(durable=True):
        wait_for(Lock.SERVING_MODEL)
        missing = 0 if even_if_incomplete else storing.count_missing(model)
        if missing or not _has_vectors(model):
            raise EmbeddingModelIncomplete(
                f"{model} 还缺 {missing or '全部'} 条向量，请先运行 embed_corpus。"
            )
        EmbeddingModel.objects.filter(is_serving=True).exclude(name=model).update(is_serving=False)
        EmbeddingModel.objects.filter(name=model, is_serving=False).update(
            is_serving=True, served_at=timezone.now()
        )
    logger.info("The search now asks %s.", model)


def prune_models(*, only: str | None = None) -> dict[str, int]:
    """Remove the vectors of the models that are out of use, or of the named one; return how many of each.

    Raises ``EmbeddingModelInUse`` for a named model that is in use. A run that is interrupted is finished by
    the next.
    """
    kept = {serving_model(), *models_in_use()}
    if only in kept:
        raise EmbeddingModelInUse(f"检索正在使用或即将使用 {only}，不能删除它的向量。")
    stored = set(EmbeddingModel.objects.values_list("name", flat=True))
    return {model: _prune(model) for model in sorted(stored - kept) if only in (None, model)}


def _batches(model: str, work_titles: Sequence[str]) -> Iterator[list[Passage]]:
    after = 0
    while batch := storing.missing_passages(
        model, after=after, limit=EMBEDDING_BATCH, work_titles=work_titles
    ):
        after = batch[-1].pk
        yield batch


def _embed_ahead(
    embedder: Embedder,
    batches: Iterable[list[Passage]],
    shipped: Mapping[str, storing.Vector],
    *,
    starter_only: bool,
) -> Iterator[tuple[int, dict[int, storing.Vector]]]:
    """Yield for each batch how many passages it has, and their vectors by passage id.

    The model works on one batch while the one before it is stored and the next is read.
    """
    runner = ThreadPoolExecutor(1, thread_name_prefix="embedding")
    waiting: deque[tuple[int, dict[int, storing.Vector], Future[dict[int, storing.Vector]]]] = deque()
    try:
        for batch in batches:
            inputs = {passage.pk: storing.stored_input(passage) for passage in batch}
            known = _known_vectors(inputs, shipped)
            rest = {} if starter_only else {key: inputs[key] for key in inputs if key not in known}
            waiting.append((len(batch), known, runner.submit(_embed, embedder, rest)))
            if len(waiting) == 2:
                yield _finished(*waiting.popleft())
        while waiting:
            yield _finished(*waiting.popleft())
    finally:
        runner.shutdown(cancel_futures=True)


def _known_vectors(
    inputs: Mapping[int, str], shipped: Mapping[str, storing.Vector]
) -> dict[int, storing.Vector]:
    if not shipped:
        return {}
    return {key: shipped[digest] for key, text in inputs.items() if (digest := hash_text(text)) in shipped}


def _embed(embedder: Embedder, inputs: Mapping[int, str]) -> dict[int, storing.Vector]:
    made = embedder.embed_passages(list(inputs.values())) if inputs else ()
    return dict(zip(inputs, made, strict=True))


def _finished(
    count: int, known: dict[int, storing.Vector], made: Future[dict[int, storing.Vector]]
) -> tuple[int, dict[int, storing.Vector]]:
    return count, known | made.result()


def _index(model: str) -> bool:
    """Build the model's index if it has vectors enough; return whether it has one."""
    stored = EmbeddingModel.objects.filter(name=model).first()
    if stored is None:
        return False
    count = Embedding.objects.filter(model=model).count()
    if count < vector_index.INDEXED_FROM:
        return vector_index.has_index(model, dimensions=stored.dimensions)
    return vector_index.build_index(model, dimensions=stored.dimensions, vectors=count)


def _has_vectors(model: str) -> bool:
    return Embedding.objects.filter(model=model).exists()


def _prune(model: str) -> int:
    """Remove a model's index, its vectors some at a time, and at last its row."""
    row = EmbeddingModel.objects.get(name=model)
    vector_index.drop_index(model, dimensions=row.dimensions)
    removed = 0
    while some := list(Embedding.objects.filter(model=model).values_list("pk", flat=True)[:_REMOVED_AT_ONCE]):
        removed += Embedding.objects.filter(pk__in=some).delete()[0]
    row.delete()
    return removed
