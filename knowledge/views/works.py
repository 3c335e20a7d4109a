"""Decides the REST doors of works and sections."""

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics
from rest_framework.request import Request
from rest_framework.response import Response

from guoxue.api import CursorPagination
from knowledge.models import Passage, Section, Work
from knowledge.reading.catalogue import find_works, other_editions
from knowledge.reading.outlines import named_like
from knowledge.reading.sections import (
    Stretch,
    beside,
    find_section,
    find_work,
    outlined,
    stretch_of_section,
    stretch_of_work,
    way_to,
)
from knowledge.serializers.passages import ContextPassageSerializer
from knowledge.serializers.works import (
    SectionDetailSerializer,
    SectionSerializer,
    SectionsQuerySerializer,
    WorkDetailSerializer,
    WorkSerializer,
    WorksQuerySerializer,
)
from knowledge.views.doors import ReadingView, asked


class WorksByTitle(CursorPagination):
    ordering = ("title", "edition")  # type: ignore[assignment]  # REST framework takes a tuple as well


class InOrder(CursorPagination):
    ordering = "ordinal"
    page_size = 100


@extend_schema_view(get=extend_schema(tags=["典籍"], summary="典籍目录", parameters=[WorksQuerySerializer]))
class WorksView(ReadingView, generics.ListAPIView[Work]):
    """List the works of the corpus by title."""

    serializer_class = WorkSerializer
    pagination_class = WorksByTitle
    queryset = Work.objects.none()

    def get_queryset(self) -> QuerySet[Work]:
        wanted = asked(WorksQuerySerializer, self.request)
        return find_works(category=wanted.get("category"), q=wanted["q"])


class WorkView(ReadingView):
    """Show a work and the other editions of its title."""

    @extend_schema(tags=["典籍"], summary="一部书", responses=WorkDetailSerializer)
    def get(self, request: Request, work_id: int) -> Response:
        """Show the work, where its text comes from, and which other editions there are."""
        work = find_work(work_id)
        work.section_count = work.sections.count()  # type: ignore[attr-defined]
        context = {"editions": other_editions(work)}
        return Response(WorkDetailSerializer(work, context=context).data)


@extend_schema_view(
    get=extend_schema(tags=["典籍"], summary="一部书的篇章", parameters=[SectionsQuerySerializer])
)
class SectionsView(ReadingView, generics.ListAPIView[Section]):
    """List the sections of a work in reading order, each with its parent."""

    serializer_class = SectionSerializer
    pagination_class = InOrder
    queryset = Section.objects.none()

    def get_queryset(self) -> QuerySet[Section]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        wanted = asked(SectionsQuerySerializer, self.request)
        sections = outlined(Section.objects.filter(work=find_work(self.kwargs["work_id"])))
        if parent := wanted.get("parent"):
            sections = sections.filter(parent=None if parent == "root" else int(parent))
        if q := wanted["q"].strip():
            sections = named_like(sections, q)
        return sections


class SectionView(ReadingView):
    """Show where a section stands."""

    @extend_schema(tags=["典籍"], summary="一篇", responses=SectionDetailSerializer)
    def get(self, request: Request, section_id: int) -> Response:
        """Show the way to the section, what is read before and after it, and how much text it has."""
        section = find_section(section_id)
        previous, following = beside(section, has_children=section.children.exists())
        stretch = stretch_of_section(section)
        context = {
            "way": way_to(section),
            "previous": previous,
            "next": following,
            "passage_count": stretch.last - stretch.first + 1,
        }
        return Response(SectionDetailSerializer(section, context=context).data)


class PassagesView(ReadingView, generics.ListAPIView[Passage]):
    serializer_class = ContextPassageSerializer
    pagination_class = InOrder
    queryset = Passage.objects.none()

    def get_stretch(self) -> Stretch:
        """Return what is read."""
        raise NotImplementedError

    def get_queryset(self) -> QuerySet[Passage]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        return self.get_stretch().passages()


@extend_schema_view(get=extend_schema(tags=["典籍"], summary="连续读一部书"))
class WorkPassagesView(PassagesView):
    """List all passages of a work in reading order."""

    def get_stretch(self) -> Stretch:
        return stretch_of_work(find_work(self.kwargs["work_id"]))


@extend_schema_view(get=extend_schema(tags=["典籍"], summary="连续读一篇"))
class SectionPassagesView(PassagesView):
    """List all passages of a section and of what stands under it, in reading order."""

    def get_stretch(self) -> Stretch:
        return stretch_of_section(find_section(self.kwargs["section_id"]))
