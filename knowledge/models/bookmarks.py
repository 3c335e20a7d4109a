"""What readers keep of the corpus."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from knowledge.models.corpus import Passage


class BookmarkQuerySet(models.QuerySet["Bookmark"]):
    def owned_by(self, owner: models.Model) -> Self:
        """The reader's own bookmarks."""
        return self.filter(owner=owner.pk)

    def located(self) -> Self:
        """With the place of the passage loaded, and nothing of its text."""
        return self.select_related("passage__work", "passage__section").defer(
            "passage__text", "passage__translation", "passage__folded"
        )


class Bookmark(models.Model):
    """A passage or an excerpt of it that a reader keeps (摘抄), between ``start`` and ``end`` in its text.

    ``text``, ``citation`` and ``reference`` are the bookmark's own copy: it outlives the passage.
    """

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="bookmarks", verbose_name="读者"
    )
    # The migration adds the constraint, with ON DELETE SET NULL: passages are also deleted without Django.
    passage = models.ForeignKey(
        Passage, models.SET_NULL, null=True, blank=True, db_constraint=False, verbose_name="段落"
    )
    start = models.PositiveIntegerField("起")
    end = models.PositiveIntegerField("止")
    text = models.TextField("摘抄")
    citation = models.CharField("出处", max_length=1000)
    reference = models.JSONField("著录", default=dict)
    note = models.TextField("笔记", blank=True)
    created_at = models.DateTimeField("收藏时间", auto_now_add=True)
    updated_at = models.DateTimeField("更新时间", auto_now=True)

    objects = BookmarkQuerySet.as_manager()

    class Meta:
        verbose_name = "摘抄"
        verbose_name_plural = "摘抄"
        ordering = ("-created_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("owner", "passage", "start", "end"),
                condition=Q(passage__isnull=False),
                name="bookmark_excerpt_unique",
            ),
            models.CheckConstraint(
                condition=Q(start__lt=models.F("end")) & ~Q(text=""), name="bookmark_has_text"
            ),
        )
        indexes = (models.Index(fields=("owner", "-created_at", "-id"), name="bookmark_newest_first"),)

    def __str__(self) -> str:
        return self.citation
