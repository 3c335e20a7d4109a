"""Decides how a WebSocket speaks: frames in, one service call each, frames out. The socket is a viewer, no more."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID

import orjson
from channels.consumer import get_handler_name
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from accounts.models import User
from accounts.websocket import authenticate_scope
from chat import errors, frames
from chat.models import Session
from chat.queries import owned_reply
from chat.serializers.frames import ResumeFrame, StopFrame, UserMessageFrame, VersionFrame
from chat.services.replies import request_stop
from chat.services.turns import Turn
from chat.streaming import requests
from chat.streaming.engine import get_engine
from chat.streaming.hints import get_board
from chat.streaming.requests import Request
from chat.streaming.starting import accepted_frame, start_turn
from guoxue.bridge import in_thread
from guoxue.closing import CLOSE_RESTARTING
from guoxue.errors import ApplicationError, NotAuthenticated, ServiceUnavailable
from guoxue.patience import Patience
from guoxue.rows import PreparedLookup

logger = logging.getLogger(__name__)

CLOSE_UNAUTHENTICATED = 4401
CLOSE_NOT_YOURS = 4404
# The client connects again and resumes.
CLOSE_RESUME = 4408
Handler = Callable[[Any], Awaitable[None]]


class ChatConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """``/ws/chat/{session_id}``: the conversation of one session, as this client sees it."""

    # Hints arrive through the process's hint board; a socket of its own on the layer would die with Redis.
    channel_layer_alias = "none"
    user: User
    session_id: UUID

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Serve the connection; however it ends, nobody is left listening for it."""
        self.session_id = scope["url_route"]["kwargs"]["session_id"]
        self.views: dict[UUID, asyncio.Task[None]] = {}
        self.requests: set[asyncio.Task[None]] = set()
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._leave()

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Handle an event of the connection; unlike Channels, close no database connections first: none is ours here."""
        await getattr(self, get_handler_name(message))(message)

    def _leave(self) -> None:
        get_board().forget(self.session_id, self._on_hint)
        get_engine().remove_socket(self._send_elsewhere)
        for task in (*self.views.values(), *self.requests):
            task.cancel()

    async def connect(self) -> None:
        try:
            who = await authenticate_scope(self.scope)
        except NotAuthenticated:
            await self._refuse(CLOSE_UNAUTHENTICATED)
            return
        self.user = who.user
        await self.accept(subprotocol=who.subprotocol)
        if not await in_thread(_owns_session, self.user, self.session_id):
            await self.close(code=CLOSE_NOT_YOURS)
            return
        get_board().listen(self.session_id, self._on_hint)
        get_engine().add_socket(self._send_elsewhere)
        if get_engine().is_draining:
            await self._send_elsewhere()

    async def _refuse(self, code: int) -> None:
        """Accept, then close: before the handshake a browser would see no close code."""
        offered = self.scope.get("subprotocols") or [None]
        await self.accept(subprotocol=offered[0])
        await self.close(code=code)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        data: dict[str, Any] = {}
        async with self._errors_answered(data):
            kind, content = _parse_frame(text_data)
            data.update(content)
            await self._handlers()[kind](data)

    @asynccontextmanager
    async def _errors_answered(self, data: dict[str, Any]) -> AsyncIterator[None]:
        """Turn what goes wrong into an error frame, addressed by what the client has sent."""
        try:
            yield
        except ApplicationError as error:
            await self._send(_error_frame(error, data))
        except Exception:
            logger.exception("frame failed")
            await self._send(_error_frame(ServiceUnavailable(), data))

    def _handlers(self) -> dict[str, Handler]:
        return {
            "user_message": self._user_message,
            "resume": self._resume,
            "stop": self._stop,
            "regenerate": self._regenerate,
            "continue": self._continue,
            "ping": self._ping,
        }

    async def _user_message(self, data: Any) -> None:
        frame = UserMessageFrame.parse(data)
        self._request(data, requests.question(self.user, self.session_id, **frame))

    async def _regenerate(self, data: Any) -> None:
        frame = VersionFrame.parse(data)
        self._request(data, requests.regeneration(self.user, self.session_id, **frame))

    async def _continue(self, data: Any) -> None:
        frame = VersionFrame.parse(data)
        self._request(data, requests.continuation(self.user, self.session_id, **frame))

    def _request(self, data: Any, request: Request) -> None:
        """Have a reply begun in a task of its own: it may have to wait, and other frames must not."""
        task = asyncio.create_task(self._begin(request, data))
        self.requests.add(task)
        task.add_done_callback(self.requests.discard)

    async def _begin(self, request: Request, data: Any) -> None:
        async with self._errors_answered(data):
            turn = await start_turn(request, partial(self._tell_position, request.client_message_id))
            if not turn.created:
                self._accept_again(turn)

    def _accept_again(self, turn: Turn) -> None:
        """Answer a request that was sent again; a view that resumed its reply meanwhile goes on where it is."""
        if turn.message_id in self.views:
            self._send_soon(accepted_frame(turn))
        else:
            self._view(turn.message_id, accepted_frame(turn))

    def _tell_position(self, client_message_id: UUID, position: int) -> None:
        self._send_soon(frames.queued(client_message_id, position))

    def _send_soon(self, frame: frames.Frame) -> None:
        task = asyncio.create_task(self._send(frame))
        self.requests.add(task)
        task.add_done_callback(self.requests.discard)

    async def _resume(self, data: Any) -> None:
        frame = ResumeFrame.parse(data)
        if await in_thread(owned_reply, self.user, self.session_id, frame["message_id"]) is None:
            raise errors.MessageNotFound
        self._view(frame["message_id"], None, frame["last_seq"])

    async def _stop(self, data: Any) -> None:
        frame = StopFrame.parse(data)
        message = await in_thread(request_stop, user=self.user, message_id=frame["message_id"])
        get_engine().stop(message.id)

    async def _ping(self, data: Any) -> None:
        await self._send(frames.pong())

    def _on_hint(self, frame: frames.Frame) -> None:
        """Follow a reply that begins; pass on what else is new.

        Of a reply that is followed already, be it that the hint was late, nothing is told a second time.
        """
        if frame["type"] != "accepted":
            self._send_soon(frame)
        elif (message_id := UUID(frame["data"]["message_id"])) not in self.views:
            self._view(message_id, frame)

    def _view(self, message_id: UUID, accepted: frames.Frame | None, last_seq: int = 0) -> None:
        """Follow a reply in a task of its own; a new look at the same reply replaces the old one."""
        earlier = self.views.pop(message_id, None)
        if earlier is not None:
            earlier.cancel()
        self.views[message_id] = asyncio.create_task(self._follow(message_id, accepted, last_seq))
        self.views[message_id].add_done_callback(lambda done: self._forget_view(message_id, done))

    def _forget_view(self, message_id: UUID, done: asyncio.Task[None]) -> None:
        if self.views.get(message_id) is done:
            del self.views[message_id]

    async def _follow(self, message_id: UUID, accepted: frames.Frame | None, last_seq: int) -> None:
        if accepted is not None:
            await self._send(accepted)
        try:
            with Patience() as patience:
                async for frame in get_engine().follow(message_id, last_seq):
                    await self._pass_on(frame, patience)
        except Exception:
            logger.exception("view of reply %s broke", message_id)
            await self.close(code=CLOSE_RESUME)

    async def _send(self, frame: frames.Frame) -> None:
        with Patience() as patience:
            await self._pass_on(frame, patience)

    async def _pass_on(self, frame: frames.Frame, patience: Patience) -> None:
        """Send a frame; the server makes us wait for a client that does not read, but not for ever."""
        deadline = asyncio.get_running_loop().time() + settings.SLOW_CLIENT_SECONDS
        try:
            await patience.wait(self.send(text_data=orjson.dumps(frame).decode()), deadline)
        except TimeoutError:
            await self.close(code=CLOSE_RESUME)

    async def _send_elsewhere(self) -> None:
        """Close, because this process stops: the client connects again, to another one, and resumes."""
        await self.close(code=CLOSE_RESTARTING)


_own_session = PreparedLookup(
    lambda user, session_id: Session.objects.owned_by(user).filter(id=session_id).only("id").order_by()
)


def _owns_session(user: User, session_id: UUID) -> bool:
    return _own_session.row(user=user.id, session_id=session_id) is not None


def _parse_frame(text_data: str | None) -> tuple[str, Any]:
    if text_data is None:
        raise errors.MalformedFrame("只接受文本数据，不接受二进制数据。")
    try:
        frame = json.loads(text_data)
    except (ValueError, RecursionError) as error:
        raise errors.MalformedFrame from error
    match frame:
        case {"type": str(kind), "data": dict(data)} if kind in _FRAME_TYPES:
            return kind, data
        case {"type": str(kind)} if kind in _FRAME_TYPES and "data" not in frame:
            return kind, {}
    raise errors.MalformedFrame


_FRAME_TYPES = frozenset({"user_message", "resume", "stop", "regenerate", "continue", "ping"})


def _error_frame(error: ApplicationError, data: dict[str, Any]) -> frames.Frame:
    """Address the error to what the client asked for, as far as its frame could be read."""
    return frames.error(
        error,
        message_id=_id_or_none(data.get("message_id")),
        client_message_id=_id_or_none(data.get("client_message_id")),
    )


def _id_or_none(value: Any) -> str | None:
    try:
        return str(UUID(value))
    except (ValueError, TypeError, AttributeError):
        return None
