"""What the service notes for itself between turns: a summary, what is still to be done for a reply, what that cost."""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from chat.models.conversations import Message, Session


class ConversationSummary(models.Model):
    """What fell out of a session's window, in short; it holds for the branch on which ``covers`` stands.

    Nothing that was answered up to ``erased_until`` is summarised again: the reader has erased that.
    """

    session = models.OneToOneField(
        Session, verbose_name="会话", on_delete=models.CASCADE, related_name="summary"
    )
    covers = models.ForeignKey(
        Message,
        verbose_name="概括到的回复",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
    )
    text = models.TextField("概要", blank=True)
    model = models.CharField("模型", max_length=100, blank=True)
    erased_until = models.DateTimeField("清除到", null=True, blank=True, editable=False)
    updated_at = models.DateTimeField("更新时间", auto_now=True)

    class Meta:
        verbose_name = verbose_name_plural = "会话概要"
        constraints = (
            models.CheckConstraint(
                condition=Q(text="") | Q(covers__isnull=False), name="summary_covers_something"
            ),
        )

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


class AftercareQuerySet(models.QuerySet["Aftercare"]):
    def due(self) -> Self:
        """What may be taken on now: nobody is at it, or whoever was has been gone for too long."""
        return self.filter(due_at__lte=Now())


class Aftercare(models.Model):
    """What is still to be done for a reply that has ended: title, suggestions, summary. The row goes when it is done.

    It is written in the transaction that ends the reply, so that no lost message of a queue loses the work. Whoever
    takes it on moves ``due_at`` to when another may, and writes nothing once its ``claim`` is gone. A purpose that
    was ``answered`` is not asked for again.
    """

    reply = models.OneToOneField(
        Message, verbose_name="回复", primary_key=True, on_delete=models.CASCADE, related_name="+"
    )
    session = models.ForeignKey(Session, verbose_name="会话", on_delete=models.CASCADE, related_name="+")
    due_at = models.DateTimeField("可处理时间", db_index=True)
    claim = models.UUIDField("认领", null=True, blank=True, editable=False)
    attempts = models.PositiveSmallIntegerField("次数", default=0)
    answered = ArrayField(
        models.CharField(max_length=12, choices=BackgroundCall.Purpose),
        verbose_name="已完成的用途",
        default=list,
        blank=True,
    )

    objects = AftercareQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "回复的后续处理"

    def __str__(self) -> str:
        return str(self.reply_id)
