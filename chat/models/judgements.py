"""What readers say of replies: feedback on their own, and reports to operators."""

from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from chat.models.conversations import Message


class Feedback(models.Model):
    """A reader's thumb up or down on a reply, with reasons."""

    class Value(models.TextChoices):
        UP = "up", "有帮助"
        DOWN = "down", "没帮助"

    class Reason(models.TextChoices):
        WRONG_QUOTE = "wrong_quote", "引文有误"
        WRONG_FACT = "wrong_fact", "解释有误"
        OFF_TOPIC = "off_topic", "答非所问"
        TOO_LONG = "too_long", "太啰嗦"
        TOO_SHORT = "too_short", "太简略"
        OTHER = "other", "其他"

    message = models.OneToOneField(
        Message, verbose_name="回复", on_delete=models.CASCADE, related_name="feedback"
    )
    value = models.CharField("评价", max_length=4, choices=Value)
    reasons = ArrayField(
        models.CharField(max_length=20, choices=Reason), verbose_name="原因", default=list, blank=True
    )
    comment = models.CharField("补充", max_length=500, blank=True)
    created_at = models.DateTimeField("创建时间", auto_now_add=True)
    updated_at = models.DateTimeField("更新时间", auto_now=True)

    class Meta:
        verbose_name = verbose_name_plural = "评价"

    def __str__(self) -> str:
        return self.get_value_display()


class ReportQuerySet(models.QuerySet["Report"]):
    def open(self) -> Self:
        """Reports that no operator has handled yet, the oldest first."""
        return self.filter(status=Report.Status.OPEN).order_by("created_at")


class Report(models.Model):
    """A reader's complaint about a message, which an operator must handle."""

    class Reason(models.TextChoices):
        ILLEGAL = "illegal", "违法违规"
        HARMFUL = "harmful", "有害内容"
        PRIVACY = "privacy", "侵犯隐私"
        COPYRIGHT = "copyright", "侵犯版权"
        OTHER = "other", "其他"

    class Status(models.TextChoices):
        OPEN = "open", "待处理"
        UPHELD = "upheld", "属实"
        DISMISSED = "dismissed", "不属实"

    message = models.ForeignKey(
        Message, verbose_name="消息", on_delete=models.CASCADE, related_name="reports"
    )
    reporter = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name="举报人", on_delete=models.CASCADE, related_name="+"
    )
    reason = models.CharField("原因", max_length=10, choices=Reason)
    comment = models.CharField("说明", max_length=500, blank=True)
    status = models.CharField("状态", max_length=10, choices=Status, default=Status.OPEN)
    handled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name="处理人",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    handled_at = models.DateTimeField("处理时间", null=True, blank=True)
    created_at = models.DateTimeField("举报时间", auto_now_add=True)

    objects = ReportQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "举报"
        constraints = (
            models.UniqueConstraint(fields=("message", "reporter"), name="report_once_per_reader"),
            models.CheckConstraint(
                condition=Q(status="open", handled_at=None)
                | (~Q(status="open") & Q(handled_at__isnull=False)),
                name="report_handled_has_time",
            ),
        )
        indexes = (models.Index(fields=("created_at",), condition=Q(status="open"), name="report_open"),)

    def __str__(self) -> str:
        return self.get_reason_display()
