"""Decides how exports look in JSON, and what a reader may ask for."""

from typing import Any

from django.urls import reverse
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from chat.exporting.links import sign
from chat.models import Export
from chat.serializers.messages import MessageErrorSerializer

_MOST_NAMED = 5000


class NewExportSerializer(serializers.Serializer[Any]):
    """Which sessions, and in which form: either ``session_ids`` or ``all``."""

    session_ids = serializers.ListField(
        child=serializers.UUIDField(), required=False, allow_empty=False, max_length=_MOST_NAMED
    )
    all = serializers.BooleanField(required=False, default=False, help_text="导出全部对话。")
    format = serializers.ChoiceField(choices=Export.Format.choices)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("session_ids" in attrs) == attrs["all"]:
            raise serializers.ValidationError(
                {"session_ids": ["请列出要导出的对话，或以 all 导出全部，二者取一。"]}
            )
        return attrs


class ExportSerializer(serializers.ModelSerializer[Export]):
    """An export with its progress; ``download_url`` is there once the file is, and is signed anew with each look."""

    error = serializers.SerializerMethodField()
    download_url = serializers.SerializerMethodField()

    class Meta:
        model = Export
        fields = (
            *("id", "format", "status", "processed", "total", "size_bytes", "error", "download_url"),
            *("created_at", "finished_at", "expires_at"),
        )
        read_only_fields = fields

    @extend_schema_field(MessageErrorSerializer(allow_null=True))
    def get_error(self, export: Export) -> dict[str, str] | None:
        if not export.error_code:
            return None
        return {"code": export.error_code, "message": export.error_message}

    @extend_schema_field(serializers.URLField(allow_null=True, help_text="15 分钟有效，不需登录。"))
    def get_download_url(self, export: Export) -> str | None:
        if export.status != Export.Status.DONE:
            return None
        address = reverse("export-file", args=[export.id])
        link = self.context["request"].build_absolute_uri(f"{address}?signature={sign(export)}")
        return str(link)
