"""Who answers: the roles that readers choose from."""

from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from accounts.models import User


class RoleQuerySet(models.QuerySet["Role"]):
    def offered(self) -> Self:
        """Roles that every reader may choose, in the order in which operators placed them."""
        return self.filter(is_active=True, owner=None).order_by("sort_order", "id")

    def owned_by(self, user: User) -> Self:
        """A reader's own roles that have not been removed, whatever moderation says of them."""
        return self.filter(is_active=True, owner=user).order_by("id")

    def choosable_by(self, user: User) -> Self:
        """The offered roles and the reader's own, also those that moderation has not let pass."""
        return self.filter(Q(owner=None) | Q(owner=user), is_active=True)


class Role(models.Model):
    """A persona that answers: its prompt, its opening line, and the works it draws on.

    Operators offer roles to everyone (``owner`` is None); a reader's own role is moderated before it answers.
    """

    class Review(models.TextChoices):
        PASSED = "passed", "通过"
        PENDING = "pending", "待审"
        REFUSED = "refused", "未通过"

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name="所有者",
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="roles",
        help_text="读者自建的角色；留空为人人可选的角色。",
    )
    review = models.CharField("审核", max_length=8, choices=Review, default=Review.PASSED)
    review_note = models.CharField("审核说明", max_length=200, blank=True)
    slug = models.SlugField("标识", max_length=40, unique=True, null=True, blank=True)
    name = models.CharField("名称", max_length=40)
    description = models.CharField("简介", max_length=200)
    system_prompt = models.TextField("系统提示词")
    opening_line = models.TextField("开场白")
    suggested_questions = ArrayField(
        models.CharField(max_length=100), verbose_name="建议提问", default=list, blank=True
    )
    scope_works = ArrayField(
        models.CharField(max_length=100),
        verbose_name="典籍范围",
        default=list,
        blank=True,
        help_text="书名，以逗号分隔；留空表示全部典籍。",
    )
    scope_categories = ArrayField(
        models.CharField(max_length=10),
        verbose_name="部类范围",
        default=list,
        blank=True,
        help_text="经部、史部、子部、集部，以逗号分隔；留空表示不限。",
    )
    is_persona = models.BooleanField(
        "拟人角色", default=False, help_text="首次使用时提示正在与 AI 交互，连续使用两小时再提醒一次。"
    )
    model = models.CharField("模型", max_length=100, blank=True, help_text="价目表中的模型；留空用默认模型。")
    memory_turns = models.PositiveSmallIntegerField(
        "记忆轮数", default=6, help_text="每次回复带上最近几轮对话。"
    )
    temperature_percent = models.PositiveSmallIntegerField(
        "随机度（%）", default=60, help_text="0 到 200，对应模型的 temperature 0–2。"
    )
    prompt_budget_tokens = models.PositiveIntegerField("提示词预算（token）", default=6000)
    max_output_tokens = models.PositiveIntegerField("回复上限（token）", default=2000)
    is_active = models.BooleanField("启用", default=True)
    sort_order = models.PositiveSmallIntegerField("排序", default=100)
    created_at = models.DateTimeField("创建时间", auto_now_add=True)
    updated_at = models.DateTimeField("更新时间", auto_now=True)

    objects = RoleQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "角色"
        ordering = ("sort_order", "id")
        constraints = (
            models.CheckConstraint(condition=Q(temperature_percent__lte=200), name="role_temperature_range"),
            models.CheckConstraint(
                condition=Q(prompt_budget_tokens__gte=5000, prompt_budget_tokens__lte=200_000),
                name="role_prompt_budget_range",
            ),
            models.CheckConstraint(
                condition=Q(max_output_tokens__gte=256, max_output_tokens__lte=32_000),
                name="role_max_output_range",
            ),
            models.CheckConstraint(
                condition=Q(owner__isnull=False) | Q(slug__isnull=False, review="passed"),
                name="role_offered_has_slug",
            ),
        )

    def __str__(self) -> str:
        return self.name


class OwnRole(Role):
    """The same rows, those with an owner: operators look at them apart, and review them."""

    class Meta:
        proxy = True
        verbose_name = verbose_name_plural = "自建角色"
