"""What is or was on its way into the corpus."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from knowledge.models.corpus import Work
from knowledge.progress import Stage


class IngestedSource(models.Model):
    """A source that was loaded to its end, so that a resumed run need not read it again.

    ``fingerprint`` is that of its bytes and of how they were read, ``content_hashes`` are those of its works.
    """

    fingerprint = models.CharField("指纹", max_length=64, unique=True)
    name = models.CharField("来源", max_length=1000)
    content_hashes = ArrayField(models.CharField(max_length=64), verbose_name="典籍指纹")
    refused_count = models.PositiveIntegerField("被拒绝", default=0)
    finished_at = models.DateTimeField("完成时间")

    class Meta:
        verbose_name = "已导入的来源"
        verbose_name_plural = "已导入的来源"

    def __str__(self) -> str:
        return self.name


class StarterWork(models.Model):
    """A work that came with the program, by its title; without ``work`` once an operator has removed or replaced it.

    The row outlives the work, so that no later start brings back what an operator did not want.
    """

    title = models.CharField("书名", max_length=100, unique=True)
    work = models.OneToOneField(Work, models.SET_NULL, null=True, related_name="starter", verbose_name="典籍")

    class Meta:
        verbose_name = "入门典籍"
        verbose_name_plural = "入门典籍"

    def __str__(self) -> str:
        return f"《{self.title}》"


class IngestionJob(models.Model):
    """A file on its way into the corpus, with its progress and the report of what was refused."""

    class Status(models.TextChoices):
        QUEUED = "queued", "等待中"
        RUNNING = "running", "导入中"
        COMPLETED = "completed", "已完成"
        PARTIAL = "partial", "部分导入"
        FAILED = "failed", "失败"

    file = models.FileField("文件", upload_to="corpus/%Y/%m/")
    original_name = models.CharField("文件名", max_length=255)
    work_title = models.CharField("书名", max_length=100, blank=True, help_text="文件里没有写明书名时使用。")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="ingestion_jobs",
        verbose_name="提交人",
    )
    status = models.CharField("状态", max_length=10, choices=Status, default=Status.QUEUED)
    stage = models.CharField("步骤", max_length=10, choices=Stage, default=Stage.READING)
    total_count = models.PositiveIntegerField("总段数", default=0)
    processed_count = models.PositiveIntegerField("已处理", default=0)
    loaded_count = models.PositiveIntegerField("已载入", default=0)
    refused_count = models.PositiveIntegerField("被拒绝", default=0)
    report = models.JSONField("报告", default=dict, blank=True)
    refusal_file = models.FileField("被拒绝的记录", upload_to="corpus/%Y/%m/", blank=True)
    error = models.TextField("错误", blank=True)
    attempts = models.PositiveSmallIntegerField("尝试次数", default=0)
    created_at = models.DateTimeField("提交时间", auto_now_add=True)
    started_at = models.DateTimeField("开始时间", null=True, blank=True)
    heartbeat_at = models.DateTimeField("最近活动", null=True, blank=True)
    finished_at = models.DateTimeField("结束时间", null=True, blank=True)

    class Meta:
        verbose_name = "导入任务"
        verbose_name_plural = "导入任务"
        ordering = ("-created_at", "-id")
        constraints = (
            models.CheckConstraint(
                condition=Q(status__in=["queued", "running", "completed", "partial", "failed"]),
                name="ingestion_status_known",
            ),
            models.CheckConstraint(
                condition=Q(stage__in=Stage.values),
                name="ingestion_stage_known",
            ),
        )
        indexes = (models.Index(fields=("-created_at", "-id"), name="ingestion_job_recent"),)

    def __str__(self) -> str:
        return f"{self.original_name}（{self.get_status_display()}）"

    @property
    def is_finished(self) -> bool:
        """Tell whether the job has come to its end, good or bad."""
        return self.status in (self.Status.COMPLETED, self.Status.PARTIAL, self.Status.FAILED)
