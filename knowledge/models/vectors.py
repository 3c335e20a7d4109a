"""The vectors of passages, and the models that made them."""

from django.db import models
from django.db.models import Q
from pgvector.django import HalfVectorField

from knowledge.models.corpus import Passage, Work


class EmbeddingModel(models.Model):
    """A model that passages have vectors of; the search asks the one that serves, at most one."""

    name = models.CharField("模型", max_length=100, unique=True)
    dimensions = models.PositiveIntegerField("维数")
    is_serving = models.BooleanField("检索正在使用", default=False)
    created_at = models.DateTimeField("创建时间", auto_now_add=True)
    served_at = models.DateTimeField("启用时间", null=True, blank=True)

    class Meta:
        verbose_name = "向量模型"
        verbose_name_plural = "向量模型"
        ordering = ("-is_serving", "-created_at")
        constraints = (
            models.UniqueConstraint(
                fields=("is_serving",), condition=Q(is_serving=True), name="embedding_model_one_serves"
            ),
        )

    def __str__(self) -> str:
        return self.name


class Embedding(models.Model):
    """The vector of a passage by one model; several models live side by side until one replaces another.

    ``work`` repeats the passage's, so that a search within some works reads their vectors and no others.
    """

    # The unique constraint below is its index.
    passage = models.ForeignKey(
        Passage, models.CASCADE, related_name="embeddings", db_index=False, verbose_name="段落"
    )
    # The passage has the constraint already; a second check of each row would slow bulk loads down.
    work = models.ForeignKey(
        Work,
        models.CASCADE,
        related_name="+",
        db_constraint=False,
        db_index=False,
        editable=False,
        verbose_name="典籍",
    )
    model = models.CharField("模型", max_length=100)
    vector = HalfVectorField("向量")
    created_at = models.DateTimeField("创建时间", auto_now_add=True)

    class Meta:
        verbose_name = "向量"
        verbose_name_plural = "向量"
        constraints = (
            models.UniqueConstraint(fields=("passage", "model"), name="embedding_passage_model_unique"),
        )
        # For each model there is an HNSW index besides, see ``vector_index``.
        indexes = (models.Index(fields=("model", "work"), name="embedding_model_work"),)

    def __str__(self) -> str:
        return f"{self.passage_id}@{self.model}"
