"""Decides how sessions look in JSON, and what a reader may change of one."""

from typing import Any

from rest_framework import serializers

from chat.models import Session
from chat.searching import MAX_QUERY_CHARACTERS
from chat.serializers.roles import RoleSerializer


class SessionSerializer(serializers.ModelSerializer[Session]):
    """``leaf_id`` is the last reply of the branch that the reader sees."""

    role = RoleSerializer(read_only=True)
    leaf_id = serializers.UUIDField(read_only=True, allow_null=True)

    class Meta:
        model = Session
        fields = (
            *("id", "title", "title_source", "role", "pinned_at", "leaf_id", "created_at", "last_message_at"),
        )
        read_only_fields = fields


class SessionsQuerySerializer(serializers.Serializer[None]):
    q = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=MAX_QUERY_CHARACTERS,
        help_text="标题里的文字；繁简、标点不拘，空格隔开的都要有。",
    )


class NewSessionSerializer(serializers.Serializer[Any]):
    role_id = serializers.IntegerField(required=False, allow_null=True)


class SessionChangeSerializer(serializers.Serializer[Any]):
    title = serializers.CharField(required=False, max_length=100)
    pinned = serializers.BooleanField(required=False)


class BranchSerializer(serializers.Serializer[Any]):
    message_id = serializers.UUIDField(help_text="要看的问题或回复；其下取最新的一支。")


class ClearedSerializer(serializers.Serializer[Any]):
    deleted = serializers.IntegerField()
    kept = serializers.IntegerField(help_text="删除之时又有回复开始的会话，完整保留。")


class SummarySerializer(serializers.Serializer[Any]):
    text = serializers.CharField(help_text="没有提要时为空。")
    is_in_use = serializers.BooleanField(
        help_text="当前所看的一支是否用得上；编辑或重新生成更早的一轮之后不用。"
    )
    covers = serializers.UUIDField(allow_null=True, help_text="概括到哪一条回复。")
    updated_at = serializers.DateTimeField(allow_null=True)
    ai_generated = serializers.BooleanField(default=True)
    label = serializers.CharField()  # type: ignore[assignment]
