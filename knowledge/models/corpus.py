"""The corpus as it is stored: works, their sections and passages."""

from collections.abc import Collection
from typing import NamedTuple, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Deferrable, F, Q
from django.db.models.functions import Length


class Category(models.TextChoices):
    """The four divisions of the traditional library."""

    CLASSICS = "经部", "经部"
    HISTORIES = "史部", "史部"
    MASTERS = "子部", "子部"
    COLLECTIONS = "集部", "集部"


class WorkQuerySet(models.QuerySet["Work"]):
    def named(self, names: Collection[str]) -> Self:
        """Works whose title or one of whose aliases is among the names."""
        return self.filter(Q(title__in=list(names)) | Q(aliases__overlap=list(names)))


class Work(models.Model):
    """A classic (典籍): what a citation names first."""

    title = models.CharField("书名", max_length=100)
    aliases = ArrayField(models.CharField(max_length=100), verbose_name="别名", default=list, blank=True)
    author = models.CharField("作者", max_length=100, blank=True)
    dynasty = models.CharField("朝代", max_length=50, blank=True)
    category = models.CharField("部类", max_length=10, choices=Category, blank=True)
    edition = models.CharField(
        "版本", max_length=200, blank=True, help_text="同名的书以版本区别，如“王弼本”“帛书本”。"
    )
    license = models.CharField("授权", max_length=200, blank=True)
    source = models.CharField("来源", max_length=500, blank=True)
    origin = models.CharField(
        "导入自", max_length=255, blank=True, editable=False, help_text="最近一次导入这部书的文件。"
    )
    content_hash = models.CharField("内容指纹", max_length=64, blank=True, editable=False)
    passage_count = models.PositiveIntegerField("段数", default=0, editable=False)
    character_count = models.PositiveIntegerField("字数", default=0, editable=False)
    edited_at = models.DateTimeField("人工修改时间", null=True, blank=True, editable=False)
    created_at = models.DateTimeField("创建时间", auto_now_add=True)
    updated_at = models.DateTimeField("更新时间", auto_now=True)

    objects = WorkQuerySet.as_manager()

    class Meta:
        verbose_name = "典籍"
        verbose_name_plural = "典籍"
        ordering = ("title", "edition")
        constraints = (
            models.UniqueConstraint(fields=("title", "edition"), name="work_edition_unique"),
            models.CheckConstraint(condition=~Q(title=""), name="work_title_not_empty"),
            models.CheckConstraint(
                condition=Q(category__in=["", *Category.values]), name="work_category_known"
            ),
        )

    def __str__(self) -> str:
        return f"《{self.title}》"

    @property
    def names(self) -> tuple[str, ...]:
        """The title and its aliases."""
        return (self.title, *self.aliases)


class Section(models.Model):
    """A 篇, 章 or poem of a work; ``ordinal`` counts all sections of the work in reading order."""

    work = models.ForeignKey(Work, models.CASCADE, related_name="sections", verbose_name="典籍")
    # Migration 0009 holds parent and work together in one foreign key, and so does it for a passage's section.
    parent = models.ForeignKey(
        "self",
        models.CASCADE,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="children",
        verbose_name="上级篇章",
    )
    ordinal = models.PositiveIntegerField("序号")
    title = models.CharField("篇名", max_length=200)
    path = models.CharField("篇章路径", max_length=700, help_text="从上到下的篇名，以“·”相连。")
    author = models.CharField(
        "作者", max_length=100, blank=True, help_text="与全书作者不同时填写，如选集中的诗人。"
    )
    dynasty = models.CharField("朝代", max_length=50, blank=True)

    class Meta:
        verbose_name = "篇章"
        verbose_name_plural = "篇章"
        ordering = ("work", "ordinal")
        constraints = (
            # Deferred, so that one transaction may renumber the sections of a work that is loaded again.
            models.UniqueConstraint(
                fields=("work", "ordinal"), name="section_ordinal_unique", deferrable=Deferrable.DEFERRED
            ),
            models.UniqueConstraint(fields=("id", "work"), name="section_of_work_unique"),
            models.CheckConstraint(condition=~Q(title=""), name="section_title_not_empty"),
        )
        indexes = (models.Index(fields=("title",), name="section_title"),)

    def __str__(self) -> str:
        return self.path


class Place(NamedTuple):
    """Where a passage stands: its work, the way through the sections, the last of these and its own author."""

    work: str
    path: str = ""
    section: str = ""
    author: str = ""

    @property
    def citation(self) -> str:
        """How a reader names the place: 《论语·为政》, or 李白《静夜思》 for a poem with its own author."""
        if not self.path:
            return f"《{self.work}》"
        if self.author:
            return f"{self.author}《{self.section}》"
        return f"《{self.work}·{self.path}》"


class PassageQuerySet(models.QuerySet["Passage"]):
    def located(self) -> Self:
        """With work and section loaded and without the index columns, as every reader needs a passage."""
        return self.select_related("work", "section").defer("folded")

    def around(self, passage: "Passage", radius: int) -> Self:
        """The passage and up to ``radius`` passages on each side of it in its work, in reading order."""
        first, last = passage.ordinal - radius, passage.ordinal + radius
        return self.filter(work_id=passage.work_id, ordinal__range=(first, last)).order_by("ordinal")


class Passage(models.Model):
    """What is searched and cited; ``text`` is the original, ``folded`` serves the index.

    ``translation`` is a modern rendering of this very passage; ``continues`` tells that the passage before it
    was cut here because the whole was too long.
    """

    class Kind(models.TextChoices):
        ROOT = "root", "原文"
        COMMENTARY = "commentary", "注疏"
        TRANSLATION = "translation", "译文"

    work = models.ForeignKey(Work, models.CASCADE, related_name="passages", verbose_name="典籍")
    section = models.ForeignKey(
        Section,
        models.CASCADE,
        null=True,
        blank=True,
        db_constraint=False,
        related_name="passages",
        verbose_name="篇章",
    )
    ordinal = models.PositiveIntegerField("序号")
    kind = models.CharField("类别", max_length=12, choices=Kind, default=Kind.ROOT)
    text = models.TextField("原文")
    translation = models.TextField("今译", blank=True)
    continues = models.BooleanField("接上段", default=False, editable=False)
    folded = models.TextField("折叠文本", editable=False)
    length = models.PositiveIntegerField("字数", editable=False, help_text="折叠后的汉字数。")
    content_hash = models.CharField("内容指纹", max_length=64, editable=False)
    created_at = models.DateTimeField("创建时间", auto_now_add=True)

    objects = PassageQuerySet.as_manager()

    class Meta:
        verbose_name = "段落"
        verbose_name_plural = "段落"
        ordering = ("work", "ordinal")
        constraints = (
            models.UniqueConstraint(
                fields=("work", "ordinal"), name="passage_ordinal_unique", deferrable=Deferrable.DEFERRED
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["root", "commentary", "translation"]), name="passage_kind_known"
            ),
            models.CheckConstraint(
                condition=~Q(text="") & ~Q(folded="") & Q(length__gt=0), name="passage_has_text"
            ),
            models.CheckConstraint(condition=Q(length=Length(F("folded"))), name="passage_length_true"),
        )

    def __str__(self) -> str:
        return f"{self.work_id}#{self.ordinal}"

    @property
    def place(self) -> Place:
        """Where it stands."""
        section = self.section
        if section is None:
            return Place(self.work.title)
        return Place(self.work.title, section.path, section.title, section.author)

    @property
    def section_path(self) -> str:
        """The titles of the sections that lead to this passage, or "" where the work has none."""
        return self.section.path if self.section else ""

    @property
    def citation(self) -> str:
        """How a reader names the place."""
        return self.place.citation
