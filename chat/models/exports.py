"""What readers have asked to take away: their conversations as files."""

import uuid
from datetime import timedelta
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accounts.models import User

# A worker that has said nothing for so long was killed.
SILENT_AFTER = timedelta(minutes=2)


class ExportQuerySet(models.QuerySet["Export"]):
    def owned_by(self, user: User) -> Self:
        return self.filter(owner=user)

    def unfinished(self) -> Self:
        return self.filter(status__in=(Export.Status.QUEUED, Export.Status.RUNNING))

    def with_a_file(self) -> Self:
        """Those whose file is there, or is being written."""
        return self.filter(status__in=(Export.Status.QUEUED, Export.Status.RUNNING, Export.Status.DONE))

    def being_written(self) -> Self:
        return self.filter(status=Export.Status.RUNNING, beat_at__gte=Now() - SILENT_AFTER)

    def startable(self) -> Self:
        """Those that nobody works on: they wait, or their worker was killed; the oldest first."""
        abandoned = Q(status=Export.Status.RUNNING, beat_at__lt=Now() - SILENT_AFTER)
        return self.filter(Q(status=Export.Status.QUEUED) | abandoned).order_by("created_at", "id")

    def out_of_date(self) -> Self:
        return self.filter(status=Export.Status.DONE, expires_at__lte=Now())


class Export(models.Model):
    """One file of the sessions ``session_ids``, in that order. The file is removed when it expires.

    A worker owns a running export as long as ``attempts`` is the number under which it began.
    """

    class Format(models.TextChoices):
        MARKDOWN = "markdown", "Markdown"
        JSON = "json", "JSON"
        PDF = "pdf", "PDF"

    class Status(models.TextChoices):
        QUEUED = "queued", "等待"
        RUNNING = "running", "生成中"
        DONE = "done", "可下载"
        FAILED = "failed", "失败"
        EXPIRED = "expired", "已过期"

    id = models.UUIDField("编号", primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name="用户", on_delete=models.CASCADE, related_name="exports"
    )
    format = models.CharField("格式", max_length=8, choices=Format)
    session_ids = ArrayField(models.UUIDField(), verbose_name="会话", default=list, blank=True)
    status = models.CharField("状态", max_length=8, choices=Status, default=Status.QUEUED)
    processed = models.PositiveIntegerField("已写会话", default=0)
    total = models.PositiveIntegerField("会话总数", default=0)
    size_bytes = models.PositiveBigIntegerField("大小（字节）", default=0)
    error_code = models.CharField("错误代码", max_length=40, blank=True)
    error_message = models.CharField("错误说明", max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField("尝试次数", default=0)
    created_at = models.DateTimeField("创建时间", auto_now_add=True)
    beat_at = models.DateTimeField("最近进展", null=True, blank=True)
    finished_at = models.DateTimeField("完成时间", null=True, blank=True)
    expires_at = models.DateTimeField("到期", null=True, blank=True)

    objects = ExportQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "导出"
        ordering = ("-created_at",)
        indexes = (models.Index(fields=("owner", "-created_at"), name="export_recent"),)
        constraints = (
            models.CheckConstraint(condition=Q(processed__lte=F("total")), name="export_progress_sane"),
            models.CheckConstraint(
                condition=~Q(status="done") | Q(expires_at__isnull=False), name="export_done_expires"
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_format_display()} {self.get_status_display()}"
