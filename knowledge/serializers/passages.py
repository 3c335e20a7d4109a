"""Decides how passages look in JSON: in reading order, in their context, with citation and pinyin."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from knowledge.models import Passage, Section, Work
from knowledge.reading.citing import Style
from knowledge.reading.daily import DailyLine
from knowledge.reading.pinyin import Syllable
from knowledge.serializers.works import EditionSerializer


class PassageWorkSerializer(serializers.ModelSerializer[Work]):
    class Meta:
        model = Work
        fields = ("id", "title", "author", "dynasty", "category", "edition", "license", "source")


class PassageSectionSerializer(serializers.ModelSerializer[Section]):
    class Meta:
        model = Section
        fields = ("id", "title", "path", "author", "dynasty")


class ContextPassageSerializer(serializers.ModelSerializer[Passage]):
    """``continues`` tells that the passage before it was cut here only because the whole was too long."""

    section = serializers.CharField(source="section_path")
    section_id = serializers.IntegerField(allow_null=True)

    class Meta:
        model = Passage
        fields = (
            *("id", "ordinal", "kind", "continues", "section_id", "section", "citation"),
            *("text", "translation"),
        )


class PassageSerializer(serializers.ModelSerializer[Passage]):
    """A passage with its place; ``context`` holds it and those around it, in reading order."""

    work = PassageWorkSerializer()
    section = PassageSectionSerializer(allow_null=True)
    context = serializers.SerializerMethodField()  # type: ignore[assignment]
    editions = serializers.SerializerMethodField(help_text="同名的其他版本。")

    class Meta:
        model = Passage
        fields = (
            *("id", "ordinal", "kind", "continues", "citation", "text", "translation"),
            *("work", "section", "context", "editions"),
        )

    @extend_schema_field(ContextPassageSerializer(many=True))
    def get_context(self, _passage: Passage) -> list[dict[str, Any]]:
        around = self.context["around"]  # type: ignore[index]
        return list(ContextPassageSerializer(around, many=True).data)

    @extend_schema_field(EditionSerializer(many=True))
    def get_editions(self, _passage: Passage) -> list[dict[str, Any]]:
        editions = self.context["editions"]  # type: ignore[index]
        return list(EditionSerializer(editions, many=True).data)


class ContextQuerySerializer(serializers.Serializer[None]):
    context = serializers.IntegerField(  # type: ignore[assignment]
        required=False, default=2, min_value=0, max_value=10
    )


class CitationQuerySerializer(serializers.Serializer[None]):
    format = serializers.ChoiceField(
        choices=[(style.value, style.label) for style in Style], required=False, default=Style.GBT7714.value
    )


class CitationSerializer(serializers.Serializer[Any]):
    passage_id = serializers.IntegerField()
    format = serializers.ChoiceField(choices=[(style.value, style.label) for style in Style])
    citation = serializers.CharField()


class SyllableSerializer(serializers.Serializer[Syllable]):
    text = serializers.CharField()
    pinyin = serializers.CharField(help_text="没有读音的（标点等）为空。")


class PinyinSerializer(serializers.Serializer[Any]):
    """Joining the ``text`` of all syllables gives the passage's text."""

    passage_id = serializers.IntegerField()
    machine_made = serializers.BooleanField(help_text="总是 true：拼音由程序标注。")
    label = serializers.CharField()  # type: ignore[assignment]  # a field name, not DRF's label
    syllables = SyllableSerializer(many=True)


class DailyQuerySerializer(serializers.Serializer[None]):
    date = serializers.DateField(required=False, help_text="默认为今天（北京时间）。")


class DailySerializer(serializers.Serializer[DailyLine]):
    date = serializers.DateField()
    text = serializers.CharField()
    citation = serializers.CharField(source="passage.citation")
    passage = ContextPassageSerializer()
    work = PassageWorkSerializer(source="passage.work")
