"""Decides what the documentation says of a message's JSON, which ``chat.history`` writes, and of search hits."""

from typing import Any

from rest_framework import serializers

from chat.models import Feedback, Message
from chat.searching import MAX_QUERY_CHARACTERS, search_words, snippet


class MessageErrorSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class GivenFeedbackSerializer(serializers.Serializer[Any]):
    value = serializers.ChoiceField(choices=Feedback.Value.choices)
    reasons = serializers.ListField(child=serializers.ChoiceField(choices=Feedback.Reason.choices))
    comment = serializers.CharField(allow_blank=True)


class NoticeSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(choices=Message.NoticeKind.choices)
    role_name = serializers.CharField()
    text = serializers.CharField()


class MessageSerializer(serializers.Serializer[Any]):
    """A message as its reader sees it. It is written by ``chat.history``, not by this class; a test compares them."""

    id = serializers.UUIDField()
    session_id = serializers.UUIDField()
    author = serializers.ChoiceField(choices=Message.Author.choices)
    status = serializers.ChoiceField(choices=Message.Status.choices)
    text = serializers.CharField(allow_blank=True)
    html = serializers.CharField(allow_blank=True)
    reasoning = serializers.CharField(allow_blank=True)
    client_message_id = serializers.UUIDField(allow_null=True)
    reply_to = serializers.UUIDField(allow_null=True)
    # Names of fields here, which REST framework uses for something else.
    parent = serializers.UUIDField(allow_null=True)  # type: ignore[assignment]
    continues = serializers.UUIDField(allow_null=True)
    versions = serializers.ListField(child=serializers.UUIDField(), help_text="各版本，旧的在前，含自身。")
    version_index = serializers.IntegerField(help_text="自身在 versions 中的位置，从 0 起。")
    role_name = serializers.CharField(allow_blank=True)
    model = serializers.CharField(allow_blank=True)
    sources = serializers.ListField(child=serializers.DictField())
    quotes = serializers.ListField(child=serializers.DictField())
    suggestions = serializers.ListField(child=serializers.CharField())
    flag = serializers.ChoiceField(choices=Message.Flag.choices, allow_blank=True)
    notice = NoticeSerializer(
        allow_null=True, help_text="拟人角色的提示，须显示在回复之前；无须提示的为 null。"
    )
    input_tokens = serializers.IntegerField()
    cached_input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()
    usage_estimated = serializers.BooleanField()
    cost_micros = serializers.IntegerField()
    cost = serializers.CharField()
    error = MessageErrorSerializer(allow_null=True)
    feedback = GivenFeedbackSerializer(allow_null=True)
    ai_generated = serializers.BooleanField()
    label = serializers.CharField(  # type: ignore[assignment]
        allow_blank=True, help_text="AI 生成标识；复制回复时须一并带上。"
    )
    content_id = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class SearchQuerySerializer(serializers.Serializer[None]):
    q = serializers.CharField(
        max_length=MAX_QUERY_CHARACTERS, help_text="要找的文字；繁简、标点不拘，空格隔开的都要有。"
    )


class FoundMessageSerializer(serializers.ModelSerializer[Message]):
    """A message that matched a search: its place, and a stretch of its text with the spans that matched."""

    message_id = serializers.UUIDField(source="id")
    session_id = serializers.UUIDField()
    session_title = serializers.CharField(source="session.title")
    role_name = serializers.CharField(source="role.name", default="")
    snippet = serializers.SerializerMethodField()
    matched = serializers.SerializerMethodField()

    class Meta:
        model = Message
        fields = (
            *("message_id", "session_id", "session_title", "author", "role_name", "snippet", "matched"),
            "created_at",
        )

    def get_snippet(self, message: Message) -> str:
        return snippet(message.text, self.context["words"])[0]

    def get_matched(self, message: Message) -> list[list[int]]:
        return [list(span) for span in snippet(message.text, self.context["words"])[1]]


def parse_search(data: Any) -> list[str]:
    """Return the words of a search. Raises ValidationError and InvalidInput."""
    query = SearchQuerySerializer(data=data)
    query.is_valid(raise_exception=True)
    return search_words(query.validated_data["q"])
