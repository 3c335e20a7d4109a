"""Decides the JSON of conversations: what clients may send, and how roles, sessions and messages look."""

from typing import Any

from rest_framework import serializers

from chat import frames, labels
from chat.models import Message, Role, Session
from guoxue.api import validation_fields
from guoxue.errors import InvalidInput


class FrameSerializer(serializers.Serializer[Any]):
    """The ``data`` of a frame that a client sends."""

    @classmethod
    def parse(cls, data: Any) -> dict[str, Any]:
        """Validate the data of a frame. Raises InvalidInput with the refused fields."""
        frame = cls(data=data)
        if not frame.is_valid():
            raise InvalidInput(fields=validation_fields(frame.errors))
        validated: dict[str, Any] = frame.validated_data
        return validated


class UserMessageFrame(FrameSerializer):
    # Length and emptiness are the service's to judge; trimming would change what the reader wrote.
    message = serializers.CharField(trim_whitespace=False, allow_blank=True)
    client_message_id = serializers.UUIDField()
    role_id = serializers.IntegerField(required=False, allow_null=True)
    edit_of = serializers.UUIDField(required=False, allow_null=True)


class ResumeFrame(FrameSerializer):
    message_id = serializers.UUIDField()
    last_seq = serializers.IntegerField(min_value=0)


class StopFrame(FrameSerializer):
    message_id = serializers.UUIDField()


class RegenerateFrame(FrameSerializer):
    message_id = serializers.UUIDField()
    client_message_id = serializers.UUIDField()


class RoleSerializer(serializers.ModelSerializer[Role]):
    class Meta:
        model = Role
        fields = ("id", "slug", "name", "description", "opening_line", "suggested_questions")


class SessionSerializer(serializers.ModelSerializer[Session]):
    role = RoleSerializer(read_only=True)

    class Meta:
        model = Session
        fields = ("id", "title", "role", "created_at", "last_message_at")
        read_only_fields = ("id", "created_at", "last_message_at")


class NewSessionSerializer(serializers.Serializer[Any]):
    role_id = serializers.IntegerField(required=False, allow_null=True)


class MessageSerializer(serializers.ModelSerializer[Message]):
    role_name = serializers.CharField(source="role.name", default="", read_only=True)
    error = serializers.SerializerMethodField()
    label = serializers.SerializerMethodField()  # type: ignore[assignment]  # a field name, not DRF's label
    content_id = serializers.SerializerMethodField()
    ai_generated = serializers.SerializerMethodField()

    class Meta:
        model = Message
        fields = (
            *(
                "id",
                "author",
                "status",
                "text",
                "html",
                "client_message_id",
                "reply_to",
                "role_name",
                "model",
            ),
            *("sources", "quotes", "input_tokens", "cached_input_tokens", "output_tokens", "usage_estimated"),
            *("cost_micros", "error", "label", "content_id", "ai_generated", "created_at", "finished_at"),
        )

    def get_error(self, message: Message) -> dict[str, Any] | None:
        return frames.error_of(message)

    def get_label(self, message: Message) -> str:
        return labels.label_of(message) if message.author == Message.Author.ASSISTANT else ""

    def get_content_id(self, message: Message) -> str:
        return labels.content_id_of(message) if message.author == Message.Author.ASSISTANT else ""

    def get_ai_generated(self, message: Message) -> bool:
        return message.author == Message.Author.ASSISTANT
