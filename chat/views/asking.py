"""Decides at which addresses a reply is written: where one asks, regenerates, and has a broken one continued."""

from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.csrf import csrf_exempt
from rest_framework.views import APIView

from accounts.models import User
from chat.errors import MessageNotFound
from chat.queries import session_of_reply
from chat.serializers.frames import UserMessageFrame, VersionBody
from chat.streaming import requests
from chat.streaming.requests import Request
from chat.views.answering import answer
from chat.views.history import SessionMessagesView
from chat.views.messages import MessageContinueView, MessageRegenerateView
from guoxue.bridge import in_thread

View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]


def _door(view_class: type[APIView], request_of: Callable[..., Awaitable[Request]]) -> View:
    """Answer a POST on the event loop; leave everything else to the view, in the thread where it belongs."""
    view = view_class.as_view()

    @csrf_exempt
    async def door(request: HttpRequest, **address: UUID) -> HttpResponseBase:
        if request.method == "POST" and isinstance(request, ASGIRequest):
            return await answer(request, partial(request_of, **address))
        return await sync_to_async(view, thread_sensitive=True)(request, **address)

    # The schema is drawn from this class.
    door.cls, door.initkwargs = view.cls, view.initkwargs  # type: ignore[attr-defined]
    return door


async def _question(user: User, body: dict[str, Any], *, session_id: UUID) -> Request:
    return requests.question(user, session_id, **UserMessageFrame.parse(body))


async def _regeneration(user: User, body: dict[str, Any], *, message_id: UUID) -> Request:
    asked = VersionBody.parse(body)
    return requests.regeneration(user, await _session_of(user, message_id), message_id=message_id, **asked)


async def _continuation(user: User, body: dict[str, Any], *, message_id: UUID) -> Request:
    asked = VersionBody.parse(body)
    return requests.continuation(user, await _session_of(user, message_id), message_id=message_id, **asked)


async def _session_of(user: User, message_id: UUID) -> UUID:
    session_id = await in_thread(session_of_reply, user, message_id)
    if session_id is None:
        raise MessageNotFound
    return session_id


session_messages = _door(SessionMessagesView, _question)
message_regenerate = _door(MessageRegenerateView, _regeneration)
message_continue = _door(MessageContinueView, _continuation)
