"""The corpus as it is stored: works, their sections and passages, vectors, term counts and ingestion jobs."""

from collections.abc import Collection
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import Deferrable, Q
from pgvector.django import HalfVectorField


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
    parent = models.ForeignKey(
        "self", models.CASCADE, null=True, blank=True, related_name="children", verbose_name="上级篇章"
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
            models.CheckConstraint(condition=~Q(title=""), name="section_title_not_empty"),
        )
        indexes = (models.Index(fields=("title",), name="section_title"),)

    def __str__(self) -> str:
        return self.path


class PassageQuerySet(models.QuerySet["Passage"]):
    def located(self) -> Self:
        """With work and section loaded and without the index columns, as every reader needs a passage."""
        return self.select_related("work", "section").defer("folded", "terms")

    def around(self, passage: "Passage", radius: int) -> Self:
        """The passage and up to ``radius`` passages on each side of it in its work, in reading order."""
        first, last = passage.ordinal - radius, passage.ordinal + radius
        return self.filter(work_id=passage.work_id, ordinal__range=(first, last)).order_by("ordinal")


class Passage(models.Model):
    """What is searched and cited; ``text`` is the original, ``folded`` and ``terms`` serve the index.

    ``translation`` is a modern rendering of this very passage; ``continues`` tells that the passage before it
    was cut here because the whole was too long.
    """

    class Kind(models.TextChoices):
        ROOT = "root", "原文"
        COMMENTARY = "commentary", "注疏"
        TRANSLATION = "translation", "译文"

    work = models.ForeignKey(Work, models.CASCADE, related_name="passages", verbose_name="典籍")
    section = models.ForeignKey(
        Section, models.CASCADE, null=True, blank=True, related_name="passages", verbose_name="篇章"
    )
    ordinal = models.PositiveIntegerField("序号")
    kind = models.CharField("类别", max_length=12, choices=Kind, default=Kind.ROOT)
    text = models.TextField("原文")
    translation = models.TextField("今译", blank=True)
    continues = models.BooleanField("接上段", default=False, editable=False)
    folded = models.TextField("折叠文本", editable=False)
    length = models.PositiveIntegerField("字数", editable=False, help_text="折叠后的汉字数。")
    content_hash = models.CharField("内容指纹", max_length=64, editable=False)
    terms = SearchVectorField("检索词", editable=False)
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
        )
        indexes = (GinIndex(fields=("terms",), name="passage_terms"),)

    def __str__(self) -> str:
        return f"{self.work_id}#{self.ordinal}"

    @property
    def place(self) -> tuple[str, str, str]:
        """The names by which a reader may look for it: its work, its sections, the section's own author."""
        section = self.section
        return (self.work.title, section.path if section else "", section.author if section else "")

    @property
    def section_path(self) -> str:
        """The titles of the sections that lead to this passage, or "" where the work has none."""
        return self.section.path if self.section else ""

    @property
    def citation(self) -> str:
        """How a reader names the place: 《论语·为政》, or 李白《静夜思》 for a poem with its own author."""
        if self.section is None:
            return f"《{self.work.title}》"
        if self.section.author:
            return f"{self.section.author}《{self.section.title}》"
        return f"《{self.work.title}·{self.section.path}》"


class Embedding(models.Model):
    """The vector of a passage by one model; several models live side by side until one replaces another."""

    passage = models.ForeignKey(Passage, models.CASCADE, related_name="embeddings", verbose_name="段落")
    model = models.CharField("模型", max_length=100)
    vector = HalfVectorField("向量")
    created_at = models.DateTimeField("创建时间", auto_now_add=True)

    class Meta:
        verbose_name = "向量"
        verbose_name_plural = "向量"
        constraints = (
            models.UniqueConstraint(fields=("passage", "model"), name="embedding_passage_model_unique"),
        )
        indexes = (models.Index(fields=("model",), name="embedding_model"),)

    def __str__(self) -> str:
        return f"{self.passage_id}@{self.model}"


class TermFrequency(models.Model):
    """In how many passages a term (a character bigram) occurs: the rarer it is, the more it weighs."""

    term = models.CharField("检索词", max_length=2, primary_key=True)
    passages = models.IntegerField("段数")

    class Meta:
        verbose_name = "检索词频"
        verbose_name_plural = "检索词频"
        constraints = (
            models.CheckConstraint(condition=Q(passages__gte=0), name="term_frequency_not_negative"),
        )

    def __str__(self) -> str:
        return self.term


class IngestionJob(models.Model):
    """A file on its way into the corpus, with its progress and the report of what was refused."""

    class Status(models.TextChoices):
        QUEUED = "queued", "等待中"
        RUNNING = "running", "导入中"
        COMPLETED = "completed", "已完成"
        FAILED = "failed", "失败"

    class Stage(models.TextChoices):
        READING = "reading", "读取文件"
        LOADING = "loading", "载入段落"
        EMBEDDING = "embedding", "生成向量"

    file = models.FileField("文件", upload_to="corpus/%Y/%m/")
    original_name = models.CharField("文件名", max_length=255)
    work_title = models.CharField("书名", max_length=100, blank=True, help_text="文件里没有写明书名时使用。")
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        related_name="ingestion_jobs",
        verbose_name="提交人",
    )
    status = models.CharField("状态", max_length=10, choices=Status, default=Status.QUEUED)
    stage = models.CharField("步骤", max_length=10, choices=Stage, default=Stage.READING)
    total_count = models.PositiveIntegerField("总段数", default=0)
    processed_count = models.PositiveIntegerField("已处理", default=0)
    loaded_count = models.PositiveIntegerField("已载入", default=0)
    refused_count = models.PositiveIntegerField("被拒绝", default=0)
    report = models.JSONField("报告", default=dict, blank=True)
    error = models.TextField("错误", blank=True)
    created_at = models.DateTimeField("提交时间", auto_now_add=True)
    started_at = models.DateTimeField("开始时间", null=True, blank=True)
    heartbeat_at = models.DateTimeField("最近活动", null=True, blank=True)
    finished_at = models.DateTimeField("结束时间", null=True, blank=True)

    class Meta:
        verbose_name = "导入任务"
        verbose_name_plural = "导入任务"
        ordering = ("-created_at", "-id")
        constraints = (
            models.CheckConstraint(
                condition=Q(status__in=["queued", "running", "completed", "failed"]),
                name="ingestion_status_known",
            ),
        )
        indexes = (models.Index(fields=("-created_at", "-id"), name="ingestion_job_recent"),)

    def __str__(self) -> str:
        return f"{self.original_name}（{self.get_status_display()}）"

    @property
    def is_finished(self) -> bool:
        """Tell whether the job has come to its end, good or bad."""
        return self.status in (self.Status.COMPLETED, self.Status.FAILED)
