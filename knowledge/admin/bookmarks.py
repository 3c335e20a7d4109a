"""Decides what operators see of readers' bookmarks: which texts are kept, never the notes, which are private."""

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.db.models.functions import Left
from django.http import HttpRequest
from django.utils.text import Truncator

from knowledge.models import Bookmark

SNIPPET_CHARACTERS = 40


@admin.register(Bookmark)
class BookmarkAdmin(admin.ModelAdmin[Bookmark]):
    """Only readers write bookmarks; deleting stays possible, or a reader who has some could not be deleted."""

    list_display = ("snippet", "citation", "owner", "created_at")
    search_fields = ("citation", "owner__email", "owner__nickname")
    date_hierarchy = "created_at"
    list_select_related = ("owner",)
    fields = ("owner", "citation", "text", "passage", "start", "end", "created_at", "updated_at")
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Bookmark]:
        bookmarks = super().get_queryset(request).defer("text", "note", "reference")
        return bookmarks.annotate(beginning=Left("text", SNIPPET_CHARACTERS + 1))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @admin.display(description="摘抄")
    def snippet(self, bookmark: Bookmark) -> str:
        return Truncator(bookmark.beginning).chars(SNIPPET_CHARACTERS)  # type: ignore[attr-defined]
