"""Decides how operators read the corpus: works, their sections and passages, vectors and the index."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Model, QuerySet
from django.db.models.functions import Left
from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from knowledge import services
from knowledge.admin.corpus_actions import EXPORT_ACTIONS, lint_selected
from knowledge.admin.search_test import search_test_view
from knowledge.folding import fold
from knowledge.forms import WorkForm
from knowledge.models import Embedding, IndexSegment, Passage, Section, Work
from knowledge.retrieval import lexical

SNIPPET_CHARACTERS = 40


def _list_link(model: str, query: str, text: str) -> SafeString:
    return format_html('<a href="{}?{}">{}</a>', reverse(f"admin:knowledge_{model}_changelist"), query, text)


class ReadOnlyAdmin(admin.ModelAdmin[Any]):
    """Rows that only ingestion writes."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Work)
class WorkAdmin(admin.ModelAdmin[Work]):
    list_display = (
        "title",
        "edition",
        "author",
        "dynasty",
        "category",
        "section_list",
        "passage_list",
        "character_count",
        "updated_at",
    )
    list_filter = ("category", "dynasty")
    search_fields = ("title", "aliases", "author")
    date_hierarchy = "created_at"
    # Title and edition say which work it is: under another name a file that is loaded again would be a second one.
    readonly_fields = (
        "title",
        "edition",
        "origin",
        "section_list",
        "passage_list",
        "character_count",
        "edited_at",
        "created_at",
        "updated_at",
    )
    fieldsets = (
        (None, {"fields": ("title", "aliases", "author", "dynasty", "category")}),
        ("来历", {"fields": ("edition", "license", "source", "origin")}),
        ("内容", {"fields": ("section_list", "passage_list", "character_count")}),
        ("时间", {"fields": ("created_at", "updated_at", "edited_at")}),
    )
    form = WorkForm
    actions = (lint_selected, *EXPORT_ACTIONS)
    change_list_template = "admin/knowledge/work/change_list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Work]:
        return super().get_queryset(request).annotate(sections_total=Count("sections"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(search_test_view)
        return [path("search-test/", view, name="knowledge_search_test"), *super().get_urls()]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A work enters the corpus by uploading a file."""
        return False

    def save_model(self, request: HttpRequest, obj: Work, form: Any, change: bool) -> None:
        """Remember that a person edited the details, so that loading the text again leaves them alone."""
        if form.changed_data:
            obj.edited_at = timezone.now()
            # What ingestion writes may have changed since the row was read, and is not for the form to put back.
            obj.save(update_fields=[*form.changed_data, "edited_at", "updated_at"])

    def delete_model(self, request: HttpRequest, obj: Work) -> None:
        services.remove_work(work_id=obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Work]) -> None:
        for work_id in queryset.order_by("pk").values_list("pk", flat=True):
            services.remove_work(work_id=work_id)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Count what goes with the works; a list of every passage would fill the page."""
        works = list(objs)
        to_delete = [f"典籍：{work}，连同 {work.passage_count} 段原文及其向量" for work in works]
        counts = {"典籍": len(works), "段落": sum(work.passage_count for work in works)}
        allowed = self.has_delete_permission(request)
        return to_delete, counts, set() if allowed else {"典籍"}, []

    @admin.display(description="篇章", ordering="sections_total")
    def section_list(self, work: Work) -> SafeString:
        return _list_link("section", f"work__id__exact={work.pk}", f"{work.sections_total} 篇")  # type: ignore[attr-defined]

    @admin.display(description="段落", ordering="passage_count")
    def passage_list(self, work: Work) -> SafeString:
        return _list_link("passage", f"work__id__exact={work.pk}", f"{work.passage_count} 段")


@admin.register(Section)
class SectionAdmin(ReadOnlyAdmin):
    list_display = ("path", "work", "ordinal", "author", "dynasty", "passage_list")
    list_filter = (("work", admin.RelatedOnlyFieldListFilter),)
    search_fields = ("path", "author", "work__title")
    list_select_related = ("work",)
    fields = ("work", "parent", "ordinal", "title", "path", "author", "dynasty", "passage_list")
    readonly_fields = ("passage_list",)
    ordering = ("work__title", "ordinal")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Section]:
        sections: QuerySet[Section] = super().get_queryset(request)
        return sections.annotate(passages_total=Count("passages"))

    @admin.display(description="段落", ordering="passages_total")
    def passage_list(self, section: Section) -> SafeString:
        total = section.passages_total  # type: ignore[attr-defined]
        return _list_link("passage", f"section__id__exact={section.pk}", f"{total} 段")


@admin.register(Passage)
class PassageAdmin(ReadOnlyAdmin):
    list_display = ("snippet", "place", "ordinal", "kind", "length")
    list_filter = ("kind", ("work", admin.RelatedOnlyFieldListFilter))
    search_fields = ("text",)
    search_help_text = "原文中连续的字，繁简、标点不拘，例如：學而不思則罔"
    list_select_related = ("work", "section")
    fields = ("work", "section", "ordinal", "kind", "text", "length", "vector_models", "created_at")
    readonly_fields = ("vector_models",)
    ordering = ("work__title", "ordinal")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Passage]:
        passages: QuerySet[Passage] = super().get_queryset(request)
        return passages.defer("text", "folded").annotate(beginning=Left("text", SNIPPET_CHARACTERS + 1))

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return lookup == "section__id__exact" or super().lookup_allowed(lookup, value, request)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Passage], search_term: str
    ) -> tuple[QuerySet[Passage], bool]:
        """Look the characters up in the phrase index, as the search itself does."""
        phrase = fold(search_term)
        if not search_term:
            return queryset, False
        found = lexical.find_exact([phrase], limit=200).get(phrase, [])
        return queryset.filter(pk__in=found), False

    @admin.display(description="原文")
    def snippet(self, passage: Passage) -> str:
        return Truncator(passage.beginning).chars(SNIPPET_CHARACTERS)  # type: ignore[attr-defined]

    @admin.display(description="出处", ordering="work__title")
    def place(self, passage: Passage) -> str:
        return passage.citation

    @admin.display(description="已有向量")
    def vector_models(self, passage: Passage) -> str:
        return "、".join(passage.embeddings.values_list("model", flat=True)) or "无"


@admin.register(Embedding)
class EmbeddingAdmin(ReadOnlyAdmin):
    list_display = ("passage_id", "place", "model", "created_at")
    list_filter = ("model",)
    search_fields = ("=passage__id",)
    list_select_related = ("passage__work", "passage__section")
    fields = ("passage", "model", "created_at")
    ordering = ("-id",)
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Embedding]:
        heavy = ("vector", "passage__text", "passage__folded")
        return super().get_queryset(request).defer(*heavy)

    @admin.display(description="出处")
    def place(self, embedding: Embedding) -> str:
        return embedding.passage.citation


@admin.register(IndexSegment)
class IndexSegmentAdmin(ReadOnlyAdmin):
    list_display = ("id", "first_passage_id", "last_passage_id", "passage_count", "is_stale", "created_at")
    list_filter = ("is_stale",)
    fields = list_display

    def get_queryset(self, request: HttpRequest) -> QuerySet[IndexSegment]:
        heavy = ("passage_ids", "work_ids", "lengths", "characters", "frequencies")
        return super().get_queryset(request).defer(*heavy)
