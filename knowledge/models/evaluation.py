"""How well the search has done on queries whose answers are known."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q


class EvaluationRunQuerySet(models.QuerySet["EvaluationRun"]):
    def comparable_to(self, run: "EvaluationRun") -> Self:
        """Earlier runs that asked the same queries in the same mode, the latest first."""
        return self.filter(queries_hash=run.queries_hash, mode=run.mode, pk__lt=run.pk).order_by("-pk")


class EvaluationRun(models.Model):
    """One measurement of the search: what was asked, of which corpus, with which model and code."""

    class Mode(models.TextChoices):
        HYBRID = "hybrid", "混合检索"
        LINE = "line", "半句寻句"

    label = models.CharField("说明", max_length=200, blank=True)
    mode = models.CharField("方式", max_length=10, choices=Mode, default=Mode.HYBRID)
    query_file = models.CharField("问题文件", max_length=500)
    queries_hash = models.CharField(
        "问题指纹", max_length=64, help_text="问题相同，指纹就相同，两次评测可以比较。"
    )
    selection = models.CharField("抽取", max_length=200, blank=True, help_text="限定了类别或每类题数时填写。")
    figures = models.JSONField("结果", help_text="每类问题一行，最后一行是全部。")
    skipped_count = models.PositiveIntegerField("跳过的题数", default=0)
    skipped = models.JSONField("跳过的题", default=list, blank=True)
    passage_count = models.PositiveIntegerField("语料段数")
    corpus_hash = models.CharField("语料指纹", max_length=64)
    embedding_model = models.CharField("向量模型", max_length=100, blank=True)
    vector_count = models.PositiveIntegerField("已有向量的段数", default=0)
    without_vectors = models.PositiveIntegerField("未用上向量的题数", default=0)
    code_version = models.CharField("代码版本", max_length=100, blank=True)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="evaluation_runs",
        verbose_name="发起人",
    )
    started_at = models.DateTimeField("开始时间")
    duration_ms = models.PositiveIntegerField("用时（毫秒）")

    objects = EvaluationRunQuerySet.as_manager()

    class Meta:
        verbose_name = "检索评测"
        verbose_name_plural = "检索评测"
        ordering = ("-started_at", "-id")
        constraints = (
            models.CheckConstraint(condition=Q(mode__in=["hybrid", "line"]), name="evaluation_mode_known"),
        )
        indexes = (models.Index(fields=("queries_hash", "mode", "-id"), name="evaluation_comparable"),)

    def __str__(self) -> str:
        return f"{self.query_file} #{self.pk}"
