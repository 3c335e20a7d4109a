"""Decides what the frames must have that clients send over the WebSocket."""

from typing import Any

from rest_framework import serializers

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
