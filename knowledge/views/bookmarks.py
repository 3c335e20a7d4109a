"""Decides the REST doors of a reader's own bookmarks."""

from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from guoxue.api import CursorPagination
from knowledge.models import Bookmark
from knowledge.reading.bookmarks import change_note, create_bookmark, delete_bookmark
from knowledge.reading.citing import Style, write_bibliography
from knowledge.serializers.bookmarks import (
    BookmarkSerializer,
    BookmarksQuerySerializer,
    ExportQuerySerializer,
    NewBookmarkSerializer,
    NoteSerializer,
)
from knowledge.views.doors import OneForm, asked


class NewestFirst(CursorPagination):
    ordering = ("-created_at", "-id")  # type: ignore[assignment]  # REST framework takes a tuple as well


@extend_schema_view(
    get=extend_schema(tags=["摘抄"], summary="我的摘抄，最新的在前", parameters=[BookmarksQuerySerializer])
)
class BookmarksView(generics.ListAPIView[Bookmark]):
    """One's own bookmarks; POST keeps another one."""

    serializer_class = BookmarkSerializer
    pagination_class = NewestFirst
    queryset = Bookmark.objects.none()

    def get_queryset(self) -> QuerySet[Bookmark]:
        bookmarks = Bookmark.objects.owned_by(_reader(self.request)).located()
        passages = asked(BookmarksQuerySerializer, self.request)["passage"]
        return bookmarks.filter(passage__in=passages) if passages else bookmarks

    @extend_schema(
        tags=["摘抄"],
        summary="收藏一段或其中几句",
        description="同样的文字只收藏一次：已收藏过的答复 200，内容不变。",
        request=NewBookmarkSerializer,
        responses={201: BookmarkSerializer, 200: BookmarkSerializer},
    )
    def post(self, request: Request) -> Response:
        """Keep a passage, or the excerpt that ``start`` and ``end`` or ``quote`` name."""
        form = NewBookmarkSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        bookmark, is_new = create_bookmark(owner=_reader(request), **form.validated_data)
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(BookmarkSerializer(bookmark).data, status=code)


class BookmarkView(APIView):
    """One of one's own bookmarks."""

    @extend_schema(tags=["摘抄"], summary="改笔记", request=NoteSerializer, responses=BookmarkSerializer)
    def patch(self, request: Request, bookmark_id: int) -> Response:
        """Replace the note."""
        form = NoteSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        bookmark = change_note(owner=_reader(request), bookmark_id=bookmark_id, **form.validated_data)
        return Response(BookmarkSerializer(bookmark).data)

    @extend_schema(tags=["摘抄"], summary="删除一条摘抄", responses={204: None})
    def delete(self, request: Request, bookmark_id: int) -> Response:
        """Delete the bookmark."""
        delete_bookmark(owner=_reader(request), bookmark_id=bookmark_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class BookmarksExportView(APIView):
    """One's own bookmarks as a file."""

    content_negotiation_class = OneForm

    @extend_schema(
        tags=["摘抄"],
        summary="导出摘抄与出处",
        parameters=[ExportQuerySerializer],
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> HttpResponse:
        """Write all bookmarks, the oldest first, with their citations in the wanted style."""
        style = Style(asked(ExportQuerySerializer, request)["format"])
        bookmarks = Bookmark.objects.owned_by(_reader(request)).located().order_by("created_at", "id")
        ending = "bib" if style == Style.BIBTEX else "txt"
        return HttpResponse(
            write_bibliography(bookmarks, style),
            content_type="text/plain; charset=utf-8",
            headers={
                "Content-Disposition": f'attachment; filename="guoxue-bookmarks.{ending}"',
                "Cache-Control": "private, no-store",
            },
        )


def _reader(request: Request) -> User:
    assert isinstance(request.user, User)  # IsAuthenticated has let nobody else through.
    return request.user
