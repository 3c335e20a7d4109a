"""Decides the REST side of messages: find, read, stop, and judge them. New versions are written by ``asking``."""

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
from chat.history import Payload, message_payload
from chat.models import Message
from chat.searching import find_messages
from chat.serializers.frames import VersionBody
from chat.serializers.judgements import FeedbackSerializer, ReportSerializer
from chat.serializers.messages import (
    FoundMessageSerializer,
    MessageSerializer,
    SearchQuerySerializer,
    parse_search,
)
from chat.services import judgements
from chat.services.replies import request_stop
from chat.views.answering import reply_schema
from chat.views.requests import reader_of


@extend_schema_view(
    get=extend_schema(tags=["对话"], summary="搜索我的消息", parameters=[SearchQuerySerializer])
)
class MessageSearchView(generics.ListAPIView[Message]):
    """One's own questions and replies that have every word, in whatever branch, the newest first."""

    serializer_class = FoundMessageSerializer

    def get_queryset(self) -> QuerySet[Message]:
        if getattr(self, "swagger_fake_view", False):
            return Message.objects.none()
        return find_messages(reader_of(self.request), self._words())

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "words": self._words()}

    def _words(self) -> list[str]:
        return parse_search(self.request.query_params)


class MessageView(APIView):
    """One message of one's own."""

    @extend_schema(tags=["对话"], summary="一条消息", responses=MessageSerializer)
    def get(self, request: Request, message_id: UUID) -> Response:
        return Response(_message_json(reader_of(request), message_id))


class MessageStopView(APIView):
    """Ask a streaming reply to stop; it keeps what is written."""

    @extend_schema(tags=["对话"], summary="停止回复", request=None, responses={202: MessageSerializer})
    def post(self, request: Request, message_id: UUID) -> Response:
        user = reader_of(request)
        request_stop(user=user, message_id=message_id)
        return Response(_message_json(user, message_id), status=status.HTTP_202_ACCEPTED)


class MessageRegenerateView(APIView):
    """Another version of a reply."""

    @reply_schema(summary="重新生成回复", request=VersionBody)
    def post(self, request: Request, message_id: UUID) -> Response:
        """Refuse: processes that write replies answer before this view is asked."""
        raise errors.RepliesWrittenElsewhere


class MessageContinueView(APIView):
    """The rest of a reply that broke off, in a version that begins with what was written."""

    @reply_schema(summary="续写中断或停止的回复", request=VersionBody)
    def post(self, request: Request, message_id: UUID) -> Response:
        """Refuse: processes that write replies answer before this view is asked."""
        raise errors.RepliesWrittenElsewhere


class MessageFeedbackView(APIView):
    """What the reader thinks of a reply."""

    @extend_schema(
        tags=["对话"], summary="评价回复", request=FeedbackSerializer, responses=FeedbackSerializer
    )
    def put(self, request: Request, message_id: UUID) -> Response:
        user = reader_of(request)
        _require_own(user, message_id)
        form = FeedbackSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        feedback = judgements.give_feedback(user=user, message_id=message_id, **form.validated_data)
        return Response(FeedbackSerializer(feedback).data)

    @extend_schema(tags=["对话"], summary="收回评价", responses={204: None})
    def delete(self, request: Request, message_id: UUID) -> Response:
        judgements.withdraw_feedback(user=reader_of(request), message_id=message_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class MessageReportView(APIView):
    """A complaint to the operators about a message."""

    @extend_schema(
        tags=["对话"],
        summary="举报消息",
        request=ReportSerializer,
        responses={201: ReportSerializer, 200: ReportSerializer},
    )
    def post(self, request: Request, message_id: UUID) -> Response:
        user = reader_of(request)
        _require_own(user, message_id)
        form = ReportSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        report, is_new = judgements.report_message(user=user, message_id=message_id, **form.validated_data)
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(ReportSerializer(report).data, status=code)


def _message_json(user: User, message_id: UUID) -> Payload:
    message = message_payload(user, message_id)
    if message is None:
        raise errors.MessageNotFound
    return message


def _require_own(user: User, message_id: UUID) -> None:
    """Tell nobody by a refused field that somebody else's message exists."""
    if not Message.objects.owned_by(user).filter(id=message_id).exists():
        raise errors.MessageNotFound
