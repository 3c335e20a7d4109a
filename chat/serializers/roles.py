"""Decides how roles look in JSON, and what a reader may say of a role of their own."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from chat.models import Role
from chat.services.roles import RoleChanges
from knowledge.models import Category

MAX_SCOPE_WORKS = 50
MAX_SUGGESTED_QUESTIONS = 6
MAX_OPENING_LINE_CHARACTERS = 500
MAX_MEMORY_TURNS = 20


class RoleSerializer(serializers.ModelSerializer[Role]):
    """A role as everybody sees it who may choose it."""

    is_own = serializers.SerializerMethodField(help_text="我自建的角色。")

    class Meta:
        model = Role
        fields: tuple[str, ...] = (
            *("id", "slug", "name", "description", "opening_line", "suggested_questions"),
            *("is_persona", "is_own"),
        )

    def get_is_own(self, role: Role) -> bool:
        return role.owner_id is not None


class OwnRoleSerializer(RoleSerializer):
    """A role as its owner sees it: with all that was said of it, and how its review stands."""

    temperature = serializers.SerializerMethodField()

    class Meta(RoleSerializer.Meta):
        fields = (
            *RoleSerializer.Meta.fields,
            *("review", "review_note", "system_prompt", "memory_turns", "temperature", "model"),
            *("scope_works", "scope_categories", "created_at", "updated_at"),
        )

    def get_temperature(self, role: Role) -> float:
        return role.temperature_percent / 100


class _OneLine(serializers.CharField):
    """Text without line breaks; what stands on several lines is joined."""

    def to_internal_value(self, data: Any) -> str:
        return " ".join(super().to_internal_value(data).split())


def _required(what: str) -> Any:
    return {"required": f"请填写{what}。", "blank": f"请填写{what}。", "null": f"请填写{what}。"}


class RoleChangeSerializer(serializers.Serializer[Any]):
    """What a reader says of a role of their own; what is left out stays as it is."""

    name = _OneLine(max_length=40, error_messages=_required("角色的名称"))
    description = _OneLine(max_length=200, required=False, allow_blank=True)
    system_prompt = serializers.CharField(error_messages=_required("角色的设定"))
    opening_line = serializers.CharField(
        max_length=MAX_OPENING_LINE_CHARACTERS, required=False, allow_blank=True
    )
    suggested_questions = serializers.ListField(
        child=_OneLine(max_length=100), max_length=MAX_SUGGESTED_QUESTIONS, required=False
    )
    memory_turns = serializers.IntegerField(min_value=0, max_value=MAX_MEMORY_TURNS, required=False)
    temperature = serializers.FloatField(min_value=0, max_value=2, required=False)
    model = serializers.CharField(
        max_length=100, required=False, allow_blank=True, help_text="价目表中的模型；留空用默认模型。"
    )
    scope_works = serializers.ListField(
        child=_OneLine(max_length=100),
        max_length=MAX_SCOPE_WORKS,
        required=False,
        help_text="只引这些典籍，写书名或别名；留空表示全部。",
    )
    scope_categories = serializers.ListField(
        child=serializers.ChoiceField(choices=Category.choices), max_length=len(Category), required=False
    )
    is_persona = serializers.BooleanField(
        required=False, help_text="扮演人物的角色：首次使用与每连续两小时提示对方是 AI。"
    )

    def validate_system_prompt(self, value: str) -> str:
        """Refuse instructions that leave the passages no room; the limit is the operators' to set."""
        limit = settings.OWN_ROLE_PROMPT_MAX_CHARACTERS
        if len(value) > limit:
            raise serializers.ValidationError(f"设定有 {len(value)} 字，最多 {limit} 字，请精简。")
        return value

    @property
    def changes(self) -> RoleChanges:
        """What was said, once it is valid."""
        said = dict(self.validated_data)
        temperature = said.pop("temperature", None)
        percent = None if temperature is None else round(temperature * 100)
        for listed in ("suggested_questions", "scope_works", "scope_categories"):
            if listed in said:
                said[listed] = list(dict.fromkeys(said[listed]))
        return RoleChanges(temperature_percent=percent, **said)
