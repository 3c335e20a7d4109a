"""Decides how operators keep the word list, and read what moderation has judged."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from chat.errors import WordRefused
from chat.models import ModerationRecord, SensitiveWord
from chat.moderation.corpus_check import find_one_in_corpus
from chat.moderation.local import MODERATOR
from chat.moderation.word_files import write_entries
from chat.moderation.words import Word, check_word
from chat.services.words import set_words_active
from guoxue.admin import ReadOnlyAdmin

SHOWN_PASSAGES = 5
COUNTED = timedelta(days=30)


class SensitiveWordForm(forms.ModelForm[SensitiveWord]):
    """A word, looked for in the corpus before it is saved: a classic that it stands in would be blocked."""

    save_anyway = forms.BooleanField(
        label="仍要保存", required=False, help_text="典籍里有这个词时，勾选后再保存一次。"
    )

    class Meta:
        model = SensitiveWord
        fields = ("word", "category", "action", "is_active", "note")

    def clean_word(self) -> str:
        word: str = self.cleaned_data["word"]
        try:
            check_word(word)
        except WordRefused as refused:
            raise ValidationError(refused.message) from refused
        return word

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        word = cleaned.get("word")
        is_news = {"word", "is_active", "action"} & set(self.changed_data)
        if word and is_news and cleaned.get("is_active") and not cleaned.get("save_anyway"):
            self._refuse_classics(word)
        return cleaned

    def _refuse_classics(self, word: str) -> None:
        hits = find_one_in_corpus(Word(word), limit=SHOWN_PASSAGES)
        if hits:
            places = "；".join(f"{hit.citation}「{hit.excerpt}」" for hit in hits)
            raise ValidationError(f"典籍里有这个词，会误伤原文：{places}。确要启用，请勾选「仍要保存」。")


@admin.register(SensitiveWord)
class SensitiveWordAdmin(admin.ModelAdmin[SensitiveWord]):
    form = SensitiveWordForm
    list_display = ("word", "category", "action", "is_active", "hits", "note", "updated_at")
    list_filter = ("is_active", "action", "category")
    search_fields = ("word", "note")
    readonly_fields = ("updated_at",)
    fieldsets = (
        (None, {"fields": ("word", "category", "action", "is_active", "note", "save_anyway")}),
        ("时间", {"fields": ("updated_at",)}),
    )
    actions = ("activate", "deactivate", "export")

    def get_queryset(self, request: HttpRequest) -> QuerySet[SensitiveWord]:
        records = ModerationRecord.objects.filter(
            label=OuterRef("word"), moderator=MODERATOR, created_at__gte=timezone.now() - COUNTED
        )
        counts = records.order_by().values("label").annotate(total=Count("pk")).values("total")
        hit_total = Coalesce(Subquery(counts, output_field=IntegerField()), 0)
        return super().get_queryset(request).annotate(hit_total=hit_total)

    @admin.display(description="近 30 天命中", ordering="hit_total")
    def hits(self, word: Any) -> int:
        return int(word.hit_total)

    @admin.action(description="启用", permissions=["change"])
    def activate(self, request: HttpRequest, words: QuerySet[SensitiveWord]) -> None:
        self._switch(request, words, is_active=True)

    @admin.action(description="停用", permissions=["change"])
    def deactivate(self, request: HttpRequest, words: QuerySet[SensitiveWord]) -> None:
        self._switch(request, words, is_active=False)

    @admin.action(description="导出为 CSV", permissions=["view"])
    def export(self, request: HttpRequest, words: QuerySet[SensitiveWord]) -> HttpResponse:
        headers = {"Content-Disposition": 'attachment; filename="words.csv"'}
        return HttpResponse("\ufeff" + write_entries(words), content_type="text/csv", headers=headers)

    def _switch(self, request: HttpRequest, words: QuerySet[SensitiveWord], *, is_active: bool) -> None:
        changed = set_words_active(ids=list(words.values_list("pk", flat=True)), is_active=is_active)
        text = f"{'启用' if is_active else '停用'}了 {changed} 个词，几秒内生效。"
        self.message_user(request, text, messages.SUCCESS)


@admin.register(ModerationRecord)
class ModerationRecordAdmin(ReadOnlyAdmin[ModerationRecord]):
    change_list_template = "admin/chat/moderationrecord/change_list.html"
    list_display = ("created_at", "direction", "verdict", "moderator", "label", "excerpt", "user")
    list_filter = ("verdict", "direction", "moderator")
    search_fields = ("label", "excerpt", "=trace_id", "user__email", "=message__id")
    date_hierarchy = "created_at"
    list_select_related = ("user",)
    ordering = ("-created_at",)
    fields = (
        *("created_at", "direction", "verdict", "moderator", "label", "excerpt", "trace_id"),
        *("user", "message"),
    )

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {**(extra_context or {}), "week": _counts_of_week()})


def _counts_of_week() -> list[tuple[str, str, int]]:
    """Return how many records of the last seven days each direction and verdict has, the most first."""
    recent = ModerationRecord.objects.filter(created_at__gte=timezone.now() - timedelta(days=7))
    rows = (
        recent.order_by().values_list("direction", "verdict").annotate(total=Count("pk")).order_by("-total")
    )
    directions = dict(ModerationRecord.Direction.choices)
    verdicts = dict(ModerationRecord.Verdict.choices)
    return [(str(directions[direction]), str(verdicts[verdict]), total) for direction, verdict, total in rows]
