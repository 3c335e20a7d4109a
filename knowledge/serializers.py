"""Decides how the corpus looks in JSON."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from knowledge.models import Category, Passage, Section, Work
from knowledge.retrieval import Hit, SearchResult

SEARCH_LIMIT = 50


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


class SectionSerializer(serializers.ModelSerializer[Section]):
    parent_id = serializers.IntegerField(allow_null=True)
    first_passage_id = serializers.IntegerField(allow_null=True, read_only=True)
    passage_count = serializers.IntegerField(read_only=True)

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
            "first_passage_id",
        )


class PassageWorkSerializer(serializers.ModelSerializer[Work]):
    class Meta:
        model = Work
        fields = ("id", "title", "author", "dynasty", "category", "edition", "license", "source")


class PassageSectionSerializer(serializers.ModelSerializer[Section]):
    class Meta:
        model = Section
        fields = ("id", "title", "path", "author", "dynasty")


class ContextPassageSerializer(serializers.ModelSerializer[Passage]):
    section = serializers.CharField(source="section_path")

    class Meta:
        model = Passage
        fields = ("id", "ordinal", "kind", "section", "citation", "text")


class PassageSerializer(serializers.ModelSerializer[Passage]):
    """A passage with its place; ``context`` holds it and those around it, in reading order."""

    work = PassageWorkSerializer()
    section = PassageSectionSerializer(allow_null=True)
    context = serializers.SerializerMethodField()  # type: ignore[assignment]

    class Meta:
        model = Passage
        fields = ("id", "ordinal", "kind", "citation", "text", "work", "section", "context")

    @extend_schema_field(ContextPassageSerializer(many=True))
    def get_context(self, _passage: Passage) -> list[dict[str, Any]]:
        around = self.context["around"]  # type: ignore[index]
        return list(ContextPassageSerializer(around, many=True).data)


class ContextQuerySerializer(serializers.Serializer[None]):
    context = serializers.IntegerField(  # type: ignore[assignment]
        required=False, default=2, min_value=0, max_value=10
    )


class SearchQuerySerializer(serializers.Serializer[None]):
    q = serializers.CharField(
        max_length=2000,
        error_messages={"required": "请输入要查找的内容。", "blank": "请输入要查找的内容。"},
    )
    mode = serializers.ChoiceField(choices=["hybrid", "line"], required=False, default="hybrid")
    work = serializers.ListField(child=serializers.CharField(max_length=100), required=False, default=list)
    category = serializers.ListField(
        child=serializers.ChoiceField(choices=Category.choices), required=False, default=list
    )
    limit = serializers.IntegerField(required=False, default=10, min_value=1, max_value=SEARCH_LIMIT)


class HitSerializer(serializers.Serializer[Hit]):
    passage_id = serializers.IntegerField()
    work = serializers.CharField()
    section = serializers.CharField()
    citation = serializers.CharField()
    text = serializers.CharField()
    score = serializers.FloatField()
    exact = serializers.BooleanField()
    dense_score = serializers.FloatField(allow_null=True)
    lexical_score = serializers.FloatField(allow_null=True)
    dense_rank = serializers.IntegerField(allow_null=True)
    lexical_rank = serializers.IntegerField(allow_null=True)
    fused_rank = serializers.IntegerField()


class SearchResultSerializer(serializers.Serializer[SearchResult]):
    """``dense_available`` is false when the answer rests on characters alone."""

    results = HitSerializer(many=True, source="hits")
    dense_available = serializers.BooleanField()
