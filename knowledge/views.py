"""Decides the REST doors of the corpus; reading and searching it is free and needs no login."""

from django.db.models import Count, Min, QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import generics
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

from guoxue.api import CursorPagination
from guoxue.errors import NotFound
from knowledge.models import Section, Work
from knowledge.retrieval import Scope, neighbours, run_search
from knowledge.serializers import (
    ContextQuerySerializer,
    PassageSerializer,
    SearchQuerySerializer,
    SearchResultSerializer,
    SectionSerializer,
    WorkSerializer,
)


class WorksByTitle(CursorPagination):
    ordering = "title"


class SectionsInOrder(CursorPagination):
    ordering = "ordinal"
    page_size = 100


@extend_schema(tags=["典籍"], summary="典籍目录")
class WorksView(generics.ListAPIView[Work]):
    """List the works of the corpus."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    serializer_class = WorkSerializer
    pagination_class = WorksByTitle
    queryset = Work.objects.filter(passage_count__gt=0)


@extend_schema(tags=["典籍"], summary="一部书的篇章")
class SectionsView(generics.ListAPIView[Section]):
    """List the sections of a work in reading order, each with its parent."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    serializer_class = SectionSerializer
    pagination_class = SectionsInOrder
    queryset = Section.objects.none()

    def get_queryset(self) -> QuerySet[Section]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        work_id = self.kwargs["work_id"]
        if not Work.objects.filter(pk=work_id).exists():
            raise NotFound("没有找到这部书。")
        counted = Section.objects.filter(work=work_id)
        return counted.annotate(passage_count=Count("passages"), first_passage_id=Min("passages__id"))


class PassageView(APIView):
    """Show a passage where it stands, with its neighbours."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        tags=["典籍"],
        summary="一段原文及其上下文",
        parameters=[ContextQuerySerializer],
        responses=PassageSerializer,
    )
    def get(self, request: Request, passage_id: int) -> Response:
        """Show the passage and up to ``context`` passages on each side."""
        query = ContextQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        around = neighbours(passage_id, radius=query.validated_data["context"])
        passage = next(each for each in around if each.pk == passage_id)
        return Response(PassageSerializer(passage, context={"around": around}).data)


class SearchView(APIView):
    """Search the corpus by meaning and by characters, or by characters alone."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = (ScopedRateThrottle,)
    throttle_scope = "search"

    @extend_schema(
        tags=["典籍"],
        summary="检索原文",
        parameters=[SearchQuerySerializer],
        responses=SearchResultSerializer,
    )
    def get(self, request: Request) -> Response:
        """Return the best passages with their scores; ``mode=line`` looks for the characters alone."""
        query = SearchQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        wanted = query.validated_data
        scope = Scope(work_titles=tuple(wanted["work"]), categories=tuple(wanted["category"]))
        result = run_search(wanted["q"], limit=wanted["limit"], scope=scope, mode=wanted["mode"])
        return Response(SearchResultSerializer(result).data)
