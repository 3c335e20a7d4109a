"""Decides which model the search asks: the one that serves, until another has all its vectors."""

from django.db import connection

from knowledge import embeddings
from knowledge.embeddings import Embedder
from knowledge.errors import EmbeddingDimensionsMismatch, EmbeddingModelNotConfigured
from knowledge.models import EmbeddingModel


def serving_model() -> str:
    """Return the name of the model whose vectors are searched; before there are any, that of the chosen one."""
    with connection.cursor() as cursor:
        # Every search asks this; the ORM would take longer to write the statement than PostgreSQL to answer it.
        cursor.execute("SELECT name FROM knowledge_embeddingmodel WHERE is_serving")
        row = cursor.fetchone()
    return row[0] if row else embeddings.current_model()


def serving_embedder() -> Embedder:
    """Return the embedder for what readers ask; its ``name`` says whose vectors to compare with.

    Raises ``EmbeddingModelNotConfigured`` when the settings say nothing about the serving model any more:
    the search then goes by characters, until the vectors of the chosen one are complete.
    """
    return embeddings.embedder_named(serving_model())


def models_in_use() -> list[str]:
    """Return the models that passages need vectors of: the serving one, if it can be asked, and the chosen one."""
    serving, chosen = serving_model(), embeddings.current_model()
    if serving == chosen:
        return [chosen]
    try:
        embeddings.embedder_named(serving)
    except EmbeddingModelNotConfigured:
        return [chosen]
    return [serving, chosen]


def check_dimensions(embedder: Embedder) -> None:
    """Refuse a model whose stored vectors have another length than the settings say now."""
    known = EmbeddingModel.objects.filter(name=embedder.name).values_list("dimensions", flat=True).first()
    if known is not None and known != embedder.dimensions:
        raise EmbeddingDimensionsMismatch(
            f"{embedder.name} 已有 {known} 维的向量，而设置为 {embedder.dimensions} 维；"
            f"请改回，或先用 embed_corpus --prune {embedder.name} 删除旧向量。"
        )
