"""Decides the REST side of conversations: roles, sessions and their messages. Replies stream over the WebSocket."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from accounts.models import User
from chat import errors
from chat.models import Message, Role, Session
from chat.serializers import MessageSerializer, NewSessionSerializer, RoleSerializer, SessionSerializer
from chat.services.replies import request_stop
from chat.services.sessions import create_session, delete_session
from guoxue.api import CursorPagination


def _user(request: Request) -> User:
    assert isinstance(request.user, User)
    return request.user


class RolePagination(CursorPagination):
    ordering = ("sort_order", "id")  # type: ignore[assignment]  # REST framework takes a tuple as well
    page_size = 100


@extend_schema_view(get=extend_schema(tags=["对话"], summary="可选的角色"))
class RoleListView(generics.ListAPIView[Role]):
    """The roles that readers may choose."""

    serializer_class = RoleSerializer
    permission_classes = (AllowAny,)
    pagination_class = RolePagination
    queryset = Role.objects.offered()


class SessionPagination(CursorPagination):
    ordering = "-last_message_at"


@extend_schema_view(
    get=extend_schema(tags=["对话"], summary="我的会话"),
    post=extend_schema(
        tags=["对话"],
        summary="新建会话",
        request=NewSessionSerializer,
        responses={201: SessionSerializer},
    ),
)
class SessionListView(generics.ListCreateAPIView[Session]):
    """One's own sessions, the most recent first; POST opens a new one."""

    serializer_class = SessionSerializer
    pagination_class = SessionPagination

    def get_queryset(self) -> QuerySet[Session]:
        return Session.objects.owned_by(_user(self.request)).select_related("role")

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        form = NewSessionSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        session = create_session(user=_user(request), role_id=form.validated_data.get("role_id"))
        return Response(SessionSerializer(session).data, status=status.HTTP_201_CREATED)


@extend_schema_view(
    get=extend_schema(tags=["对话"], summary="一个会话"),
    patch=extend_schema(tags=["对话"], summary="改会话标题"),
    delete=extend_schema(tags=["对话"], summary="删除会话及其消息"),
)
class SessionView(generics.RetrieveUpdateDestroyAPIView[Session]):
    """One session: read it, rename it, delete it with its messages."""

    serializer_class = SessionSerializer
    http_method_names = ("get", "patch", "delete", "head", "options")

    def get_object(self) -> Session:
        sessions = Session.objects.owned_by(_user(self.request)).select_related("role")
        session = sessions.filter(id=self.kwargs["session_id"]).first()
        if session is None:
            raise errors.SessionNotFound
        return session

    def perform_update(self, serializer: BaseSerializer[Session]) -> None:
        # Writing the whole row would undo what a turn has written meanwhile.
        assert serializer.instance is not None
        serializer.instance.title = serializer.validated_data.get("title", serializer.instance.title)
        serializer.instance.save(update_fields=["title"])

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        delete_session(user=_user(request), session_id=self.kwargs["session_id"])
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema_view(get=extend_schema(tags=["对话"], summary="会话的消息，最新的在前"))
class SessionMessagesView(generics.ListAPIView[Message]):
    """The messages of one's own session, the newest first."""

    serializer_class = MessageSerializer

    def get_queryset(self) -> QuerySet[Message]:
        user = _user(self.request)
        if not Session.objects.owned_by(user).filter(id=self.kwargs["session_id"]).exists():
            raise errors.SessionNotFound
        return Message.objects.filter(session_id=self.kwargs["session_id"]).select_related("role")


@extend_schema_view(get=extend_schema(tags=["对话"], summary="一条消息"))
class MessageView(generics.RetrieveAPIView[Message]):
    """One message of one's own."""

    serializer_class = MessageSerializer

    def get_object(self) -> Message:
        messages = Message.objects.owned_by(_user(self.request)).select_related("role")
        message = messages.filter(id=self.kwargs["message_id"]).first()
        if message is None:
            raise errors.MessageNotFound
        return message


class MessageStopView(APIView):
    """Ask a streaming reply to stop; it keeps what is written."""

    @extend_schema(tags=["对话"], summary="停止回复", request=None, responses={202: MessageSerializer})
    def post(self, request: Request, message_id: UUID) -> Response:
        message = request_stop(user=_user(request), message_id=message_id)
        return Response(MessageSerializer(message).data, status=status.HTTP_202_ACCEPTED)
