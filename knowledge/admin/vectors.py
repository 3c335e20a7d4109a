"""Decides how operators see which embedding model serves the search, and how far another has come."""

from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from guoxue.admin import ReadOnlyAdmin
from knowledge import embeddings
from knowledge.errors import EmbeddingModelNotConfigured
from knowledge.models import Embedding, EmbeddingModel, Passage
from knowledge.vectors import vector_index


@admin.register(EmbeddingModel)
class EmbeddingModelAdmin(ReadOnlyAdmin[EmbeddingModel]):
    list_display = ("name", "state", "dimensions", "vectors", "coverage", "index", "created_at", "served_at")
    fields = list_display
    ordering = ("-is_serving", "-created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[EmbeddingModel]:
        counted = Embedding.objects.filter(model=OuterRef("name")).order_by().values("model")
        count = Subquery(counted.annotate(count=Count("pk")).values("count"), output_field=IntegerField())
        return super().get_queryset(request).annotate(vectors_total=Coalesce(count, 0))

    @admin.display(description="状态", ordering="is_serving")
    def state(self, model: EmbeddingModel) -> str:
        try:
            embeddings.embedder_named(model.name)
        except EmbeddingModelNotConfigured:
            return "检索正在使用，但设置里已没有它：暂按字句检索" if model.is_serving else "不再使用"
        if model.is_serving:
            return "检索正在使用"
        return "补全后启用" if model.name == embeddings.current_model() else "不再使用"

    @admin.display(description="向量数", ordering="vectors_total")
    def vectors(self, model: EmbeddingModel) -> int:
        return int(model.vectors_total)  # type: ignore[attr-defined]

    @admin.display(description="覆盖")
    def coverage(self, model: EmbeddingModel) -> str:
        passages = Passage.objects.count()
        return f"{100 * self.vectors(model) / passages:.1f}%" if passages else "—"

    @admin.display(description="索引")
    def index(self, model: EmbeddingModel) -> str:
        if vector_index.has_index(model.name, dimensions=model.dimensions):
            return "HNSW"
        return "待建" if self.vectors(model) >= vector_index.INDEXED_FROM else "逐条比较"
