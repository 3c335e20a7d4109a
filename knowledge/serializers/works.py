"""Decides how works and sections look in JSON, and by what they are filtered."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from knowledge.models import Category, Section, Work


class WorksQuerySerializer(serializers.Serializer[None]):
    category = serializers.ChoiceField(choices=Category.choices, required=False)
    q = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=100,
        help_text="书名、别名或作者中的字，繁简不拘。",
    )


class WorkSerializer(serializers.ModelSerializer[Work]):
    class Meta:
        model = Work
        fields = (
            "id",
            "title",
            "aliases",
            "author",
            "dynasty",
            "category",
            "edition",
            "license",
            "source",
            "passage_count",
            "character_count",
        )


class EditionSerializer(serializers.ModelSerializer[Work]):
    class Meta:
        model = Work
        fields = ("id", "title", "edition", "passage_count")


class WorkDetailSerializer(WorkSerializer):
    """A work with the other editions of the same title."""

    section_count = serializers.IntegerField(read_only=True)
    editions = serializers.SerializerMethodField()

    class Meta(WorkSerializer.Meta):
        fields = (*WorkSerializer.Meta.fields, "section_count", "editions")  # type: ignore[assignment]

    @extend_schema_field(EditionSerializer(many=True))
    def get_editions(self, _work: Work) -> list[dict[str, Any]]:
        return list(EditionSerializer(self.context["editions"], many=True).data)


class SectionsQuerySerializer(serializers.Serializer[None]):
    parent = serializers.RegexField(  # type: ignore[assignment]  # a field name, not DRF's parent
        r"^(root|\d{1,18})$",
        required=False,
        help_text="上级篇章的编号，`root` 为第一层；不填则按阅读顺序列出全部。",
        error_messages={"invalid": "请填写 root 或篇章的编号。"},
    )
    q = serializers.CharField(
        required=False, allow_blank=True, default="", max_length=100, help_text="篇名或作者中的字。"
    )


class SectionSerializer(serializers.ModelSerializer[Section]):
    parent_id = serializers.IntegerField(allow_null=True)
    first_passage_id = serializers.IntegerField(allow_null=True, read_only=True)
    passage_count = serializers.IntegerField(read_only=True)
    child_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Section
        fields = (
            "id",
            "parent_id",
            "ordinal",
            "title",
            "path",
            "author",
            "dynasty",
            "passage_count",
            "child_count",
            "first_passage_id",
        )


class SectionLinkSerializer(serializers.ModelSerializer[Section]):
    class Meta:
        model = Section
        fields = ("id", "title", "path")


class SectionDetailSerializer(serializers.ModelSerializer[Section]):
    """A section with the way to it and what is read before and after it."""

    work = WorkSerializer()
    way = serializers.SerializerMethodField(help_text="从外到内的篇章，最后一个是它自己。")
    previous = serializers.SerializerMethodField()
    next = serializers.SerializerMethodField()
    passage_count = serializers.SerializerMethodField(help_text="连同下级篇章的段数。")

    class Meta:
        model = Section
        fields = (
            *("id", "title", "path", "author", "dynasty", "work"),
            *("way", "previous", "next", "passage_count"),
        )

    @extend_schema_field(SectionLinkSerializer(many=True))
    def get_way(self, _section: Section) -> list[dict[str, Any]]:
        return list(SectionLinkSerializer(self.context["way"], many=True).data)

    @extend_schema_field(SectionLinkSerializer(allow_null=True))
    def get_previous(self, _section: Section) -> dict[str, Any] | None:
        return _link(self.context["previous"])

    @extend_schema_field(SectionLinkSerializer(allow_null=True))
    def get_next(self, _section: Section) -> dict[str, Any] | None:
        return _link(self.context["next"])

    def get_passage_count(self, _section: Section) -> int:
        count: int = self.context["passage_count"]
        return count


def _link(section: Section | None) -> dict[str, Any] | None:
    return dict(SectionLinkSerializer(section).data) if section else None
