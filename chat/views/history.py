"""Decides how the history of a session is read over REST, page by page up the branch, and how it is cleared."""

from uuid import UUID

from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView

from accounts.models import User
from chat import errors
from chat.history import Page, branch_page, newer_start
from chat.models import Session
from chat.serializers.frames import UserMessageFrame
from chat.serializers.messages import MessageSerializer
from chat.services.sessions import clear_session
from chat.views.answering import reply_schema
from chat.views.requests import reader_of
from guoxue.api import CursorPagination

_PAGE = inline_serializer(
    "MessagePage",
    {
        "results": MessageSerializer(many=True),
        "next": serializers.URLField(allow_null=True),
        "previous": serializers.URLField(allow_null=True),
    },
)
_PARAMETERS = [
    OpenApiParameter("cursor", str, description="前一页给出的位置。"),
    OpenApiParameter("limit", int, description="每页条数，缺省 20，至多 100。"),
]
# A cursor is the id of the message that its page begins with or, after this mark, just does not reach.
_NEWER = "-"


class SessionMessagesView(APIView):
    """The branch of one's own session that the reader sees, the newest message first; DELETE clears the session."""

    @extend_schema(tags=["对话"], summary="会话的消息，最新的在前", parameters=_PARAMETERS, responses=_PAGE)
    def get(self, request: Request, session_id: UUID) -> Response:
        user = reader_of(request)
        limit = CursorPagination().get_page_size(request) or CursorPagination.page_size
        page = _asked_page(user, session_id, request.query_params.get("cursor", ""), limit)
        if not page.messages and not Session.objects.owned_by(user).filter(id=session_id).exists():
            raise errors.SessionNotFound
        return Response(
            {
                "results": page.messages,
                "next": _link(request, page.older.hex if page.older else None),
                "previous": _link(request, _NEWER + page.newer.hex if page.newer else None),
            }
        )

    @reply_schema(summary="提问", request=UserMessageFrame)
    def post(self, request: Request, session_id: UUID) -> Response:
        """Refuse: processes that write replies answer before this view is asked."""
        raise errors.RepliesWrittenElsewhere

    @extend_schema(tags=["对话"], summary="清空会话的消息", responses={204: None})
    def delete(self, request: Request, session_id: UUID) -> Response:
        clear_session(user=reader_of(request), session_id=session_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _asked_page(user: User, session_id: UUID, cursor: str, limit: int) -> Page:
    """Read the page that the cursor names. Raises SessionNotFound and NotFound."""
    if not cursor:
        return branch_page(user, session_id, start=None, limit=limit)
    try:
        place = UUID(cursor.removeprefix(_NEWER))
    except ValueError as error:
        raise NotFound from error
    if not cursor.startswith(_NEWER):
        return branch_page(user, session_id, start=place, limit=limit)
    session = Session.objects.owned_by(user).filter(id=session_id).only("leaf_id").first()
    if session is None:
        raise errors.SessionNotFound
    start, count = newer_start(session.leaf_id, place, limit=limit)
    return branch_page(user, session_id, start=start, limit=count)


def _link(request: Request, cursor: str | None) -> str | None:
    if cursor is None:
        return None
    address = remove_query_param(request.build_absolute_uri(), "cursor")
    return replace_query_param(address, "cursor", cursor)
