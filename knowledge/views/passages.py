"""Decides the REST doors of single passages: in context, cited, read aloud, and the line of the day."""

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from guoxue.errors import NotFound
from knowledge.models import Passage
from knowledge.reading.catalogue import other_editions
from knowledge.reading.citing import Style, cite_passage
from knowledge.reading.daily import choose_line
from knowledge.reading.pinyin import LABEL, annotate
from knowledge.retrieval.search import neighbours
from knowledge.serializers.passages import (
    CitationQuerySerializer,
    CitationSerializer,
    ContextQuerySerializer,
    DailyQuerySerializer,
    DailySerializer,
    PassageSerializer,
    PinyinSerializer,
)
from knowledge.views.doors import OneForm, ReadingView, asked


def find_passage(passage_id: int) -> Passage:
    """Return the passage with its place; raise ``NotFound`` if there is none."""
    passage = Passage.objects.located().filter(pk=passage_id).first()
    if passage is None:
        raise NotFound("没有找到这段文字，它可能已被更新。")
    return passage


class PassageView(ReadingView):
    """Show a passage where it stands, with its neighbours."""

    @extend_schema(
        tags=["典籍"],
        summary="一段原文及其上下文",
        parameters=[ContextQuerySerializer],
        responses=PassageSerializer,
    )
    def get(self, request: Request, passage_id: int) -> Response:
        """Show the passage and up to ``context`` passages on each side."""
        around = neighbours(passage_id, radius=asked(ContextQuerySerializer, request)["context"])
        passage = next(each for each in around if each.pk == passage_id)
        context = {"around": around, "editions": other_editions(passage.work)}
        return Response(PassageSerializer(passage, context=context).data)


class PinyinView(ReadingView):
    """Give the pinyin of a passage, as a machine reads it."""

    @extend_schema(tags=["典籍"], summary="一段原文的拼音（机器标注）", responses=PinyinSerializer)
    def get(self, request: Request, passage_id: int) -> Response:
        """Give the pinyin of each character; polyphones and old readings may be wrong, as ``label`` says."""
        passage = find_passage(passage_id)
        answer = {
            "passage_id": passage.pk,
            "machine_made": True,
            "label": LABEL,
            "syllables": annotate(passage.text),
        }
        return Response(PinyinSerializer(answer).data)


class CitationView(ReadingView):
    """Cite a passage as a bibliography does."""

    content_negotiation_class = OneForm

    @extend_schema(
        tags=["典籍"],
        summary="一段原文的引用格式",
        parameters=[CitationQuerySerializer],
        responses=CitationSerializer,
    )
    def get(self, request: Request, passage_id: int) -> Response:
        """Cite the passage after GB/T 7714-2015, in plain words, or as BibTeX."""
        style = Style(asked(CitationQuerySerializer, request)["format"])
        citation = cite_passage(find_passage(passage_id), style)
        answer = {"passage_id": passage_id, "format": style.value, "citation": citation}
        return Response(CitationSerializer(answer).data)


class DailyView(ReadingView):
    """Give the line of a day."""

    @extend_schema(
        tags=["典籍"], summary="每日一句", parameters=[DailyQuerySerializer], responses=DailySerializer
    )
    def get(self, request: Request) -> Response:
        """Give the line of the day, the same for everybody, with the passage that holds it."""
        date = asked(DailyQuerySerializer, request).get("date") or timezone.localdate()
        return Response(DailySerializer(choose_line(date)).data)
