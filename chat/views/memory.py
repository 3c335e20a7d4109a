"""Decides how readers see what is remembered of a session beyond its window, and have it forgotten."""

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chat import errors
from chat.memory import told_summary
from chat.models import Session
from chat.serializers.sessions import SummarySerializer
from chat.services.memory import erase_summary
from chat.views.requests import reader_of


class SessionSummaryView(APIView):
    """What a role is told of the turns that have fallen out of its window; DELETE erases it for good."""

    @extend_schema(tags=["对话"], summary="会话的前情提要", responses=SummarySerializer)
    def get(self, request: Request, session_id: UUID) -> Response:
        own = Session.objects.owned_by(reader_of(request)).select_related("summary", "role")
        session = own.filter(id=session_id).first()
        if session is None:
            raise errors.SessionNotFound
        return Response(SummarySerializer(told_summary(session)).data)

    @extend_schema(tags=["对话"], summary="清除前情提要", responses={204: None})
    def delete(self, request: Request, session_id: UUID) -> Response:
        erase_summary(user=reader_of(request), session_id=session_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
