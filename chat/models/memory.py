"""What the service notes for itself between turns: a session's summary, and what such background calls cost."""

from django.db import models
from django.db.models import Q

from chat.models.conversations import Message, Session


class ConversationSummary(models.Model):
    """What fell out of a session's window, in short; it holds for the branch on which ``covers`` stands."""

    session = models.OneToOneField(
        Session, verbose_name="会话", on_delete=models.CASCADE, related_name="summary"
    )
    covers = models.ForeignKey(
        Message, verbose_name="概括到的回复", on_delete=models.CASCADE, related_name="+"
    )
    text = models.TextField("概要")
    model = models.CharField("模型", max_length=100)
    updated_at = models.DateTimeField("更新时间", auto_now=True)

    class Meta:
        verbose_name = verbose_name_plural = "会话概要"

    def __str__(self) -> str:
        return self.text[:30]


class BackgroundCall(models.Model):
    """A call of the model that the service makes for itself, at its own expense."""

    class Purpose(models.TextChoices):
        SUMMARY = "summary", "概要"
        TITLE = "title", "标题"
        SUGGESTIONS = "suggestions", "追问"

    purpose = models.CharField("用途", max_length=12, choices=Purpose)
    session = models.ForeignKey(
        Session, verbose_name="会话", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    model = models.CharField("模型", max_length=100)
    input_tokens = models.PositiveIntegerField("输入 token", default=0)
    cached_input_tokens = models.PositiveIntegerField("缓存输入 token", default=0)
    output_tokens = models.PositiveIntegerField("输出 token", default=0)
    cost_micros = models.BigIntegerField("费用（微元）", default=0)
    created_at = models.DateTimeField("时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "后台调用"
        indexes = (models.Index(fields=("-created_at",), name="background_call_recent"),)
        constraints = (
            models.CheckConstraint(condition=Q(cost_micros__gte=0), name="background_call_cost_sane"),
        )

    def __str__(self) -> str:
        return self.get_purpose_display()
