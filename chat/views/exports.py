"""Decides the REST side of exports: ask for a file, watch it being written, fetch it, delete it."""

import asyncio
from collections.abc import AsyncIterator
from typing import BinaryIO
from uuid import UUID

from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.db.models import QuerySet
from django.http import FileResponse, HttpResponse, HttpResponseBase
from django.utils import timezone
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle, ScopedRateThrottle
from rest_framework.views import APIView

from chat import errors
from chat.exporting import places
from chat.exporting.links import opened
from chat.exporting.pdf_support import require_pdf
from chat.models import Export
from chat.serializers.exports import ExportSerializer, NewExportSerializer
from chat.services.exports import create_export, delete_export
from chat.tasks import enqueue_export
from chat.views.requests import reader_of
from guoxue.api import CursorPagination

_CONTENT_TYPES = {
    Export.Format.MARKDOWN: "text/markdown; charset=utf-8",
    Export.Format.JSON: "application/json",
    Export.Format.PDF: "application/pdf",
}
_PIECE_BYTES = 256 * 1024


class NewestFirst(CursorPagination):
    ordering = ("-created_at", "-id")  # type: ignore[assignment]  # REST framework takes a tuple as well


@extend_schema_view(get=extend_schema(tags=["对话"], summary="我的导出，最新的在前"))
class ExportListView(generics.ListAPIView[Export]):
    """One's own exports; POST asks for another one."""

    serializer_class = ExportSerializer
    pagination_class = NewestFirst
    throttle_scope = "exports"

    def get_queryset(self) -> QuerySet[Export]:
        if getattr(self, "swagger_fake_view", False):
            return Export.objects.none()
        return Export.objects.owned_by(reader_of(self.request)).defer("session_ids")

    def get_throttles(self) -> list[BaseThrottle]:
        return [ScopedRateThrottle()] if self.request.method == "POST" else []

    @extend_schema(
        tags=["对话"], summary="导出对话", request=NewExportSerializer, responses={201: ExportSerializer}
    )
    def post(self, request: Request) -> Response:
        form = NewExportSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        if form.validated_data["format"] == Export.Format.PDF:
            require_pdf()
        export = create_export(
            user=reader_of(request),
            format=form.validated_data["format"],
            session_ids=form.validated_data.get("session_ids"),
        )
        enqueue_export(export.id)
        shown = ExportSerializer(export, context=self.get_serializer_context())
        return Response(shown.data, status=status.HTTP_201_CREATED)


class ExportView(APIView):
    """One of one's own exports."""

    @extend_schema(tags=["对话"], summary="一份导出及其进度", responses=ExportSerializer)
    def get(self, request: Request, export_id: UUID) -> Response:
        export = Export.objects.owned_by(reader_of(request)).defer("session_ids").filter(id=export_id).first()
        if export is None:
            raise errors.ExportNotFound
        return Response(ExportSerializer(export, context={"request": request}).data)

    @extend_schema(tags=["对话"], summary="删除一份导出及其文件", responses={204: None})
    def delete(self, request: Request, export_id: UUID) -> Response:
        delete_export(user=reader_of(request), export_id=export_id)
        places.remove(export_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ExportFileView(APIView):
    """The file of an export, for whoever holds a signed link."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        tags=["对话"],
        summary="下载导出的文件",
        description="地址取自导出的 `download_url`，签名 15 分钟有效。",
        parameters=[OpenApiParameter("signature", str, required=True)],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
        auth=[],
    )
    def get(self, request: Request, export_id: UUID) -> HttpResponseBase:
        export = opened(export_id, request.query_params.get("signature", ""))
        response = _handed_to_nginx(export) if settings.EXPORT_ACCEL_PREFIX else _streamed(request, export)
        response["Content-Type"] = _CONTENT_TYPES[Export.Format(export.format)]
        response["Content-Disposition"] = content_disposition_header(True, _file_name(export))
        response["Cache-Control"] = "private, no-store"
        response["X-Content-Type-Options"] = "nosniff"
        return response


def _handed_to_nginx(export: Export) -> HttpResponse:
    path = places.file_of(export).relative_to(settings.EXPORT_DIR)
    return HttpResponse(headers={"X-Accel-Redirect": f"{settings.EXPORT_ACCEL_PREFIX.rstrip('/')}/{path}"})


def _streamed(request: Request, export: Export) -> FileResponse:
    try:
        file = places.file_of(export).open("rb")
    except FileNotFoundError as error:
        raise errors.ExportExpired from error
    response = FileResponse(file)
    if isinstance(request._request, ASGIRequest):
        # A plain iterator would be read whole into memory there.
        response.streaming_content = _pieces(file)
    return response


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(file.read, _PIECE_BYTES):
        yield piece


def _file_name(export: Export) -> str:
    day = timezone.localtime(export.created_at).strftime("%Y-%m-%d")
    return f"国学大师-对话记录-{day}.{places.ENDINGS[Export.Format(export.format)]}"
