"""Decides how a reader's bookmarks look in JSON, and what a reader may send."""

from typing import Any

from rest_framework import serializers

from knowledge.models import Bookmark
from knowledge.reading.bookmarks import NOTE_MAX_CHARACTERS
from knowledge.reading.citing import Style

MAX_ASKED_PASSAGES = 100


class BookmarksQuerySerializer(serializers.Serializer[None]):
    passage = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=2**63 - 1),
        required=False,
        default=list,
        max_length=MAX_ASKED_PASSAGES,
        help_text="只要这些段落的摘抄；可重复填写。",
    )


class BookmarkSerializer(serializers.ModelSerializer[Bookmark]):
    """``passage_id`` is null once the passage is no longer in the corpus; text and citation stay."""

    passage_id = serializers.IntegerField(allow_null=True, read_only=True)
    citation = serializers.SerializerMethodField()

    class Meta:
        model = Bookmark
        fields = ("id", "passage_id", "start", "end", "text", "citation", "note", "created_at", "updated_at")
        read_only_fields = ("id", "start", "end", "text", "created_at", "updated_at")

    def get_citation(self, bookmark: Bookmark) -> str:
        return bookmark.passage.citation if bookmark.passage else bookmark.citation


class NoteSerializer(serializers.Serializer[Any]):
    note = serializers.CharField(allow_blank=True, max_length=NOTE_MAX_CHARACTERS)


class NewBookmarkSerializer(serializers.Serializer[Any]):
    passage_id = serializers.IntegerField(min_value=1, max_value=2**63 - 1)
    start = serializers.IntegerField(
        required=False, min_value=0, max_value=1_000_000, help_text="摘抄在原文中的起点（Unicode 码点）。"
    )
    end = serializers.IntegerField(required=False, min_value=1, max_value=1_000_000)
    quote = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=10_000,
        help_text="摘抄的文字，可代替 start 和 end；繁简、标点不拘。都不填则收藏整段。",
    )
    note = serializers.CharField(required=False, allow_blank=True, default="", max_length=NOTE_MAX_CHARACTERS)


class ExportQuerySerializer(serializers.Serializer[None]):
    format = serializers.ChoiceField(
        choices=[(style.value, style.label) for style in Style], required=False, default=Style.GBT7714.value
    )
