"""How a reader and a persona know each other: what the rules for human-like services ask to be told, and when."""

from django.conf import settings
from django.db import models

from chat.models.roles import Role


class Acquaintance(models.Model):
    """When a reader was told that a persona is an AI, how long they have talked without a break, and the last reminder.

    All are moments at which replies were created; the replies say which notice stands before them.
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name="用户", on_delete=models.CASCADE, related_name="+"
    )
    role = models.ForeignKey(Role, verbose_name="角色", on_delete=models.CASCADE, related_name="+")
    noticed_at = models.DateTimeField("首次提示")
    began_at = models.DateTimeField("本次开始")
    last_at = models.DateTimeField("最近一次")
    reminded_at = models.DateTimeField("最近提醒", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "拟人角色使用"
        constraints = (models.UniqueConstraint(fields=("user", "role"), name="acquaintance_once"),)

    def __str__(self) -> str:
        return f"{self.user_id}:{self.role_id}"
