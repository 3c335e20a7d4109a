"""Decides what a reader may say of a message in JSON: feedback and reports."""

from typing import Any

from rest_framework import serializers

from chat.models import Feedback, Report


class FeedbackSerializer(serializers.ModelSerializer[Feedback]):
    reasons = serializers.ListField(
        child=serializers.ChoiceField(choices=Feedback.Reason.choices),
        required=False,
        default=list,
        max_length=len(Feedback.Reason),
        help_text="仅用于 down。",
    )
    comment = serializers.CharField(required=False, allow_blank=True, default="", max_length=500)

    class Meta:
        model = Feedback
        fields = ("value", "reasons", "comment", "updated_at")
        read_only_fields = ("updated_at",)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["value"] == Feedback.Value.UP and attrs["reasons"]:
            raise serializers.ValidationError({"reasons": ["原因只随“没帮助”填写。"]})
        return attrs


class ReportSerializer(serializers.ModelSerializer[Report]):
    message_id = serializers.UUIDField(read_only=True)

    class Meta:
        model = Report
        fields = ("id", "message_id", "reason", "comment", "status", "created_at")
        read_only_fields = ("id", "message_id", "status", "created_at")
