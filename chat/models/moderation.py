"""What moderation goes by and what it has decided: the operators' word list, and a log of every judgement that counted."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from chat.models.conversations import Message


class SensitiveWord(models.Model):
    """A word that operators want blocked, or flagged for review."""

    class Action(models.TextChoices):
        BLOCK = "block", "拦截"
        REVIEW = "review", "标记复核"

    word = models.CharField("词语", max_length=50, unique=True)
    category = models.CharField("类别", max_length=20, blank=True)
    action = models.CharField("处置", max_length=6, choices=Action, default=Action.BLOCK)
    is_active = models.BooleanField("启用", default=True)
    note = models.CharField("备注", max_length=200, blank=True)
    updated_at = models.DateTimeField("更新时间", auto_now=True)

    class Meta:
        verbose_name = verbose_name_plural = "敏感词"
        ordering = ("word",)
        constraints = (models.CheckConstraint(condition=~Q(word=""), name="sensitive_word_not_empty"),)

    def __str__(self) -> str:
        return self.word


class WordListVersion(models.Model):
    """One row that a trigger renews with every change of the words, whoever makes it: what processes look at."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    version = models.UUIDField("版本", editable=False)

    class Meta:
        verbose_name = verbose_name_plural = "词表版本"
        constraints = (models.CheckConstraint(condition=Q(id=1), name="word_list_version_single"),)

    def __str__(self) -> str:
        return str(self.version)


class ModerationRecord(models.Model):
    """One judgement that was not a plain pass: what was looked at, by whom, and what came of it."""

    class Direction(models.TextChoices):
        INPUT = "input", "提问"
        OUTPUT = "output", "回复"
        ROLE = "role", "角色"
        TITLE = "title", "标题"
        NAME = "name", "昵称"

    class Verdict(models.TextChoices):
        REVIEW = "review", "待复核"
        RISKY = "risky", "拦截"
        UNAVAILABLE = "unavailable", "审核不可用"

    direction = models.CharField("方向", max_length=6, choices=Direction)
    verdict = models.CharField("结论", max_length=12, choices=Verdict)
    moderator = models.CharField("审核方", max_length=20)
    label = models.CharField("标签", max_length=100, blank=True)
    excerpt = models.CharField("片段", max_length=200, blank=True)
    trace_id = models.CharField("追踪编号", max_length=100, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name="用户",
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    message = models.ForeignKey(
        Message, verbose_name="消息", null=True, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField("时间", auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = "审核记录"
        indexes = (
            models.Index(fields=("-created_at",), name="moderation_recent"),
            models.Index(fields=("label", "-created_at"), name="moderation_by_label"),
        )

    def __str__(self) -> str:
        return f"{self.get_direction_display()} {self.get_verdict_display()}"
