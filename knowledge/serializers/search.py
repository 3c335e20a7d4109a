"""Decides how a search and a check of quotations look in JSON."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from knowledge.models import Category
from knowledge.quotes import QuoteCheck
from knowledge.reading.excerpts import explain
from knowledge.retrieval.hits import Duplicate, Hit
from knowledge.retrieval.queries import MAX_QUERY_CHARACTERS
from knowledge.retrieval.search import SearchResult

SEARCH_LIMIT = 50
VERIFIED_CHARACTERS = 10_000


class SearchQuerySerializer(serializers.Serializer[None]):
    q = serializers.CharField(
        max_length=MAX_QUERY_CHARACTERS,
        error_messages={"required": "请输入要查找的内容。", "blank": "请输入要查找的内容。"},
    )
    mode = serializers.ChoiceField(choices=["hybrid", "line"], required=False, default="hybrid")
    work = serializers.ListField(child=serializers.CharField(max_length=100), required=False, default=list)
    category = serializers.ListField(
        child=serializers.ChoiceField(choices=Category.choices), required=False, default=list
    )
    limit = serializers.IntegerField(required=False, default=10, min_value=1, max_value=SEARCH_LIMIT)


class DuplicateSerializer(serializers.Serializer[Duplicate]):
    passage_id = serializers.IntegerField()
    citation = serializers.CharField()


class HitSerializer(serializers.Serializer[Hit]):
    """``matched`` are half-open spans in ``text``, counted in Unicode code points."""

    passage_id = serializers.IntegerField()
    work = serializers.CharField()
    section = serializers.CharField()
    citation = serializers.CharField()
    text = serializers.CharField()
    matched = serializers.SerializerMethodField()
    why = serializers.SerializerMethodField(help_text="为什么找到它，用一句话说。")
    score = serializers.FloatField()
    exact = serializers.BooleanField()
    dense_score = serializers.FloatField(allow_null=True)
    lexical_score = serializers.FloatField(allow_null=True)
    dense_rank = serializers.IntegerField(allow_null=True)
    lexical_rank = serializers.IntegerField(allow_null=True)
    fused_rank = serializers.IntegerField()
    duplicates = DuplicateSerializer(
        many=True, help_text="文字相同的其他段落；同一处有几个版本时，出处后注明版本。"
    )

    @extend_schema_field(
        {
            "type": "array",
            "items": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
        }
    )
    def get_matched(self, hit: Hit) -> list[list[int]]:
        return [list(span) for span in hit.matched]

    @extend_schema_field(OpenApiTypes.STR)
    def get_why(self, hit: Hit) -> str:
        return explain(hit)


class SearchResultSerializer(serializers.Serializer[SearchResult]):
    """``dense_available`` is false when the answer rests on characters alone."""

    results = HitSerializer(many=True, source="hits")
    dense_available = serializers.BooleanField()


class QuotedTextSerializer(serializers.Serializer[None]):
    # Trimming would move the positions in the answer.
    text = serializers.CharField(
        max_length=VERIFIED_CHARACTERS,
        trim_whitespace=False,
        help_text="要核对的文字，最多 10000 字；引文写在引号里，或单独成段（以 > 开头）。",
        error_messages={"required": "请输入要核对的文字。", "blank": "请输入要核对的文字。"},
    )


class DifferenceSerializer(serializers.Serializer[Any]):
    quoted = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]  # a field name, not DRF's source


class QuoteCheckSerializer(serializers.Serializer[QuoteCheck]):
    """``start`` and ``end`` count Unicode code points of the text; ``citation`` is the right place."""

    quote = serializers.CharField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    verdict = serializers.ChoiceField(choices=[("exact", "原文"), ("near", "近似"), ("not_found", "未见")])
    attribution = serializers.ChoiceField(
        choices=[("right", "出处相符"), ("wrong", "出处不符"), ("unknown", "无从判断")]
    )
    cited = serializers.CharField(allow_null=True, help_text="文中给出的出处。")
    citation = serializers.CharField(allow_null=True, help_text="典籍库中的出处。")
    passage_id = serializers.IntegerField(allow_null=True)
    source_text = serializers.CharField(allow_null=True)
    similarity = serializers.FloatField()
    differences = DifferenceSerializer(many=True)
    kind = serializers.ChoiceField(
        choices=[
            *(("marks", "引号内"), ("block", "单独成段"), ("verse", "诗行"), ("line", "单独成行")),
            ("sentence", "有出处的句子"),
        ]
    )
    cited_in_corpus = serializers.BooleanField(
        allow_null=True,
        help_text="文中所说的书，典籍库里有没有；没有说是哪部书时为空。"
        "`not_found` 而此项为 false 时，是本库未收此书，无从核对，不宜显示为引文有误。",
    )


class VerdictCountsSerializer(serializers.Serializer[Any]):
    exact = serializers.IntegerField()
    near = serializers.IntegerField()
    not_found = serializers.IntegerField()


class VerifiedQuotesSerializer(serializers.Serializer[Any]):
    results = QuoteCheckSerializer(many=True)
    counts = VerdictCountsSerializer()
