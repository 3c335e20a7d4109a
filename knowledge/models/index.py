"""The lexical index: segments and their posting blocks."""

import uuid

from django.db import models
from django.db.models import Q


class IndexSegment(models.Model):
    """A part of the lexical index, written once: the passages of a range of ids, and how long they are.

    The arrays are little-endian: ids of 8 bytes, lengths, character codes and their frequencies of 4.
    ``is_stale`` tells that passages of the range have gone or moved since, and that it is to be written anew.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    first_passage_id = models.BigIntegerField("首段")
    last_passage_id = models.BigIntegerField("末段")
    passage_count = models.PositiveIntegerField("段数")
    passage_ids = models.BinaryField("段落")
    work_ids = models.BinaryField("典籍")
    lengths = models.BinaryField("长度")
    characters = models.BinaryField("用字")
    frequencies = models.BinaryField("字频")
    has_translations = models.BooleanField("含今译", default=False)
    is_stale = models.BooleanField("待重建", default=False)
    created_at = models.DateTimeField("创建时间", auto_now_add=True)

    class Meta:
        verbose_name = "索引分段"
        verbose_name_plural = "索引分段"
        ordering = ("last_passage_id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(first_passage_id__lte=models.F("last_passage_id"))
                & Q(passage_count__range=(1, 65_536)),
                name="index_segment_range",
            ),
        )

    def __str__(self) -> str:
        return f"{self.first_passage_id}–{self.last_passage_id}"


class PostingBlock(models.Model):
    """Posting lists of neighbouring terms in a segment; ``postings.py`` decides what the bytes say."""

    pk = models.CompositePrimaryKey("segment", "first_term")
    segment = models.ForeignKey(IndexSegment, models.CASCADE, db_index=False, related_name="+")
    first_term = models.BigIntegerField()
    data = models.BinaryField()

    class Meta:
        verbose_name = "倒排块"
        verbose_name_plural = "倒排块"

    def __str__(self) -> str:
        return f"{self.segment_id}/{self.first_term}"
