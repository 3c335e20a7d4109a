"""What a conversation is made of: sessions, messages, and the chunks of a reply that is still streaming."""

import uuid
from collections.abc import Sequence
from datetime import timedelta
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Now
from django.utils import timezone

from accounts.models import User
from chat.models.folded_text import FoldedTextField
from chat.models.roles import Role

_PINNED_AHEAD = timedelta(days=365_000)


class SessionQuerySet(models.QuerySet["Session"]):
    def owned_by(self, user: User | Combinable) -> Self:
        return self.filter(owner=user)

    def recent(self) -> Self:
        return self.order_by("-last_message_at")

    def placed(self) -> Self:
        """With the one moment by which sessions are listed: pinned ones stand a thousand years ahead of the rest."""
        ahead = F("pinned_at") + Value(_PINNED_AHEAD)
        return self.annotate(place=Coalesce(ahead, "last_message_at", output_field=models.DateTimeField()))


class Session(models.Model):
    """One conversation of one reader with one role."""

    id = models.UUIDField("编号", primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name="用户", on_delete=models.CASCADE, related_name="sessions"
    )
    role = models.ForeignKey(Role, verbose_name="角色", on_delete=models.PROTECT, related_name="sessions")

    class TitleSource(models.TextChoices):
        QUESTION = "question", "首问"
        MODEL = "model", "模型"
        READER = "reader", "读者"

    title = models.CharField("标题", max_length=100, blank=True)
    title_source = models.CharField(
        "标题来源", max_length=8, choices=TitleSource, default=TitleSource.QUESTION
    )
    pinned_at = models.DateTimeField("置顶时间", null=True, blank=True, editable=False)
    leaf = models.ForeignKey(
        "Message",
        verbose_name="当前分支的末条回复",
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    created_at = models.DateTimeField("创建时间", default=timezone.now, editable=False)
    last_message_at = models.DateTimeField("最近消息", default=timezone.now, editable=False)

    objects = SessionQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "会话"
        indexes = (models.Index(fields=("owner", "-last_message_at"), name="session_recent"),)

    def __str__(self) -> str:
        return self.title or "新会话"


class CharacterPairs(Func):
    """Every pair of adjoining characters of a folded text; the function is made by a migration."""

    function = "chat_character_pairs"
    output_field = ArrayField(models.TextField())


class MessageQuerySet(models.QuerySet["Message"]):
    def owned_by(self, user: User | Combinable) -> Self:
        return self.filter(owner=user)

    def mentioning(self, words: Sequence[str]) -> Self:
        """Messages whose folded text has every one of the folded words; what was blocked is not found."""
        pairs = sorted({word[place : place + 2] for word in words for place in range(len(word) - 1)})
        found = self.exclude(folded="").exclude(flag=Message.Flag.BLOCKED)
        if pairs:
            found = found.filter(
                Func(
                    CharacterPairs("folded"),
                    Value(pairs, output_field=ArrayField(models.TextField())),
                    template="%(expressions)s",
                    arg_joiner=" @> ",
                    output_field=models.BooleanField(),
                )
            )
        for word in words:
            # Two characters are a pair themselves: the index has said all.
            if len(word) != 2:
                found = found.filter(folded__contains=word)
        return found

    def streaming(self) -> Self:
        return self.filter(status=Message.Status.STREAMING)

    def abandoned(self) -> Self:
        """Replies whose process has let its lease run out."""
        return self.streaming().filter(lease_expires_at__lt=Now())

    def to_be_ended(self, *, skip_locked: bool = False) -> Self:
        """Locked, and with the moment of their end as ``ends_at``, by the clock of the database."""
        locked = self.select_for_update(no_key=True, of=("self",), skip_locked=skip_locked)
        return locked.annotate(ends_at=Now())


class Message(models.Model):
    """What a reader asked, or what the service replied.

    A reply is born ``streaming`` under the lease of one process and ends in exactly one final status.

    Messages form a tree: a question follows a reply (its ``parent``; None for the first), a reply answers a question
    (``reply_to``). Several replies to one question, and several questions after one reply, are versions of each
    other; the session's ``leaf`` says which branch the reader sees.
    """

    class Author(models.TextChoices):
        READER = "reader", "读者"
        ASSISTANT = "assistant", "AI"

    class Flag(models.TextChoices):
        REVIEW = "review", "待复核"
        BLOCKED = "blocked", "已拦截"

    class Status(models.TextChoices):
        STREAMING = "streaming", "进行中"
        COMPLETED = "completed", "已完成"
        STOPPED = "stopped", "已停止"
        INTERRUPTED = "interrupted", "已中断"
        FAILED = "failed", "失败"

    class NoticeKind(models.TextChoices):
        FIRST_USE = "first_use", "初次交谈"
        TWO_HOURS = "two_hours", "满两小时"

    id = models.UUIDField("编号", primary_key=True, default=uuid.uuid4, editable=False)
    session = models.ForeignKey(
        Session, verbose_name="会话", on_delete=models.CASCADE, related_name="messages"
    )
    # The session's owner, written by a trigger: one index then serves the search in one's own history.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name="用户",
        editable=False,
        db_index=False,
        on_delete=models.CASCADE,
        related_name="+",
    )
    author = models.CharField("作者", max_length=10, choices=Author.choices)
    status = models.CharField("状态", max_length=12, choices=Status.choices)
    text = models.TextField("内容", blank=True)
    folded = FoldedTextField("折叠的内容", source="text")
    html = models.TextField("渲染内容", blank=True)
    client_message_id = models.UUIDField("客户端编号", null=True, blank=True)
    reply_to = models.ForeignKey(
        "self",
        verbose_name="回复的消息",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="replies",
    )
    parent = models.ForeignKey(
        "self",
        verbose_name="承接的回复",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="follow_ups",
    )
    continues = models.ForeignKey(
        "self",
        verbose_name="续写的回复",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    role = models.ForeignKey(Role, verbose_name="角色", null=True, blank=True, on_delete=models.PROTECT)
    model = models.CharField("模型", max_length=100, blank=True)
    reasoning = models.TextField("思考过程", blank=True)
    suggestions = models.JSONField("可接着问", default=list, blank=True)
    flag = models.CharField("内容标记", max_length=8, choices=Flag, blank=True)
    # What the reader of a persona was told before this reply. While a new version is rolled out, processes of the old
    # one, which do not know the column, go on writing.
    notice = models.CharField(
        "拟人提示",
        max_length=9,
        choices=NoticeKind,
        blank=True,
        default="",
        db_default="",
        editable=False,
    )
    sources = models.JSONField("出处", default=list, blank=True)
    quotes = models.JSONField("引文核对", default=list, blank=True)
    prompt_tokens = models.PositiveIntegerField("提示词估计（token）", default=0)
    input_tokens = models.PositiveIntegerField("输入 token", default=0)
    cached_input_tokens = models.PositiveIntegerField("缓存输入 token", default=0)
    output_tokens = models.PositiveIntegerField("输出 token", default=0)
    usage_estimated = models.BooleanField("用量为估计", default=False)
    cost_micros = models.BigIntegerField("费用（微元）", default=0)
    error_code = models.CharField("错误代码", max_length=40, blank=True)
    error_message = models.CharField("错误说明", max_length=200, blank=True)
    lease_token = models.UUIDField("租约", null=True, blank=True, editable=False)
    lease_expires_at = models.DateTimeField("租约到期", null=True, blank=True, editable=False)
    stop_requested_at = models.DateTimeField("请求停止", null=True, blank=True, editable=False)
    created_at = models.DateTimeField("创建时间", default=timezone.now, editable=False)
    finished_at = models.DateTimeField("结束时间", null=True, blank=True, editable=False)

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "消息"
        indexes = (
            models.Index(fields=("session", "-created_at"), name="message_history"),
            models.Index(fields=("owner", "-created_at"), name="message_by_owner"),
            models.Index(
                fields=("session",), condition=Q(parent=None, reply_to=None), name="message_first_questions"
            ),
            # Partial: a reply whose lease is renewed four times a second has no text yet, and is not in here.
            GinIndex(F("owner"), CharacterPairs("folded"), condition=~Q(folded=""), name="message_search"),
            models.Index(
                fields=("lease_expires_at",), condition=Q(status="streaming"), name="message_streaming_lease"
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("session", "client_message_id"), name="message_client_id_once_per_session"
            ),
            models.UniqueConstraint(
                fields=("session",), condition=Q(status="streaming"), name="one_streaming_reply_per_session"
            ),
            models.CheckConstraint(
                condition=Q(author="reader", reply_to=None, status="completed")
                | Q(author="assistant", reply_to__isnull=False, role__isnull=False, parent=None),
                name="message_author_shape",
            ),
            models.CheckConstraint(
                condition=Q(status="streaming", lease_token__isnull=False, lease_expires_at__isnull=False)
                | (~Q(status="streaming") & Q(lease_token=None, lease_expires_at=None)),
                name="message_streams_under_a_lease",
            ),
            models.CheckConstraint(
                condition=Q(cost_micros__gte=0, cached_input_tokens__lte=F("input_tokens")),
                name="message_usage_sane",
            ),
        )

    def __str__(self) -> str:
        return self.text[:30] or self.get_status_display()

    @property
    def is_withheld(self) -> bool:
        """Tell whether moderation keeps a reply from its reader; what there is of it stays with the operators."""
        return self.author == Message.Author.ASSISTANT and self.flag == Message.Flag.BLOCKED

    @property
    def hold_key(self) -> str:
        """The string under which billing holds the price of this reply."""
        return f"reply:{self.id}"


class ReplyChunk(models.Model):
    """One numbered piece of a streaming reply; dropped when the reply ends."""

    message = models.ForeignKey(Message, verbose_name="消息", on_delete=models.CASCADE, related_name="chunks")
    seq = models.PositiveIntegerField("序号")
    text = models.TextField("内容")

    class Meta:
        verbose_name = verbose_name_plural = "回复片段"
        constraints = (models.UniqueConstraint(fields=("message", "seq"), name="reply_chunk_seq"),)

    def __str__(self) -> str:
        return f"{self.seq}"
