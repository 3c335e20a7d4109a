"""Decides what clients must send that ask for something: the frames of the WebSocket, the bodies of HTTP."""

from typing import Any

from rest_framework import serializers

from guoxue.api import validation_fields
from guoxue.errors import InvalidInput


class FrameSerializer(serializers.Serializer[Any]):
    """The ``data`` of a frame, or the body of a POST."""

    @classmethod
    def parse(cls, data: Any) -> dict[str, Any]:
        """Validate what a client has sent. Raises InvalidInput with the refused fields."""
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


class VersionBody(FrameSerializer):
    """What is said of another version of a reply where the address names the reply."""

    client_message_id = serializers.UUIDField()


class VersionFrame(VersionBody):
    message_id = serializers.UUIDField()
