"""Decides the REST side of sessions: list, open, rename, pin, choose a branch, delete."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from chat import errors
from chat.models import Session
from chat.moderation.judging import Direction
from chat.searching import search_words, titled_sessions
from chat.serializers.sessions import (
    BranchSerializer,
    ClearedSerializer,
    NewSessionSerializer,
    SessionChangeSerializer,
    SessionSerializer,
    SessionsQuerySerializer,
)
from chat.services import sessions
from chat.services.moderation import require_allowed
from chat.views.requests import reader_of
from guoxue.api import CursorPagination


class SessionPagination(CursorPagination):
    ordering = "-place"


@extend_schema_view(
    get=extend_schema(tags=["对话"], summary="我的会话，置顶的在前", parameters=[SessionsQuerySerializer]),
    post=extend_schema(
        tags=["对话"],
        summary="新建会话",
        request=NewSessionSerializer,
        responses={201: SessionSerializer},
    ),
    delete=extend_schema(
        tags=["对话"],
        summary="删除我的全部会话",
        operation_id="sessions_destroy_all",
        responses={200: ClearedSerializer},
    ),
)
class SessionListView(generics.ListCreateAPIView[Session]):
    """One's own sessions, pinned ones first, then the most recent; POST opens a new one, DELETE deletes them all."""

    serializer_class = SessionSerializer
    pagination_class = SessionPagination

    def get_queryset(self) -> QuerySet[Session]:
        user = reader_of(self.request)
        own = Session.objects.owned_by(user).placed().select_related("role")
        query = SessionsQuerySerializer(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data["q"]
        return own.filter(id__in=titled_sessions(user, search_words(asked))) if asked else own

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        form = NewSessionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        session = sessions.create_session(user=reader_of(request), role_id=form.validated_data.get("role_id"))
        return Response(SessionSerializer(session).data, status=status.HTTP_201_CREATED)

    def delete(self, request: Request) -> Response:
        cleared = sessions.delete_sessions(user=reader_of(request))
        return Response(ClearedSerializer(cleared).data)


class SessionView(APIView):
    """One session: read it, rename or pin it, delete it with its messages."""

    @extend_schema(tags=["对话"], summary="一个会话", responses=SessionSerializer)
    def get(self, request: Request, session_id: UUID) -> Response:
        return Response(_session_json(reader_of(request), session_id))

    @extend_schema(
        tags=["对话"],
        summary="改会话标题，置顶或取消置顶",
        request=SessionChangeSerializer,
        responses=SessionSerializer,
    )
    def patch(self, request: Request, session_id: UUID) -> Response:
        user = reader_of(request)
        _session_json(user, session_id)
        form = SessionChangeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        change = form.validated_data
        if "title" in change:
            require_allowed(change["title"], direction=Direction.TITLE, user=user, field="title")
            sessions.rename_session(user=user, session_id=session_id, title=change["title"])
        if "pinned" in change:
            place = sessions.pin_session if change["pinned"] else sessions.unpin_session
            place(user=user, session_id=session_id)
        return Response(_session_json(user, session_id))

    @extend_schema(tags=["对话"], summary="删除会话及其消息", responses={204: None})
    def delete(self, request: Request, session_id: UUID) -> Response:
        sessions.delete_session(user=reader_of(request), session_id=session_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SessionBranchView(APIView):
    """Which branch of a session its reader sees."""

    @extend_schema(
        tags=["对话"], summary="改看另一版本", request=BranchSerializer, responses=SessionSerializer
    )
    def put(self, request: Request, session_id: UUID) -> Response:
        user = reader_of(request)
        _session_json(user, session_id)
        form = BranchSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        sessions.choose_version(
            user=user, session_id=session_id, message_id=form.validated_data["message_id"]
        )
        return Response(_session_json(user, session_id))


def _session_json(user: User, session_id: UUID) -> dict[str, Any]:
    session = Session.objects.owned_by(user).select_related("role").filter(id=session_id).first()
    if session is None:
        raise errors.SessionNotFound
    return SessionSerializer(session).data
