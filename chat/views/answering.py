"""Decides how a request for a reply is answered over HTTP: as one JSON reply, or as a stream of server-sent events.

Both are viewers of the same engine as the WebSocket; a client that is cut off sends the same request again, with
``Last-Event-ID`` where it has seen a part.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema

from accounts.models import User
from accounts.tokens import authenticate_access_token
from chat import frames
from chat.errors import MessageNotFound
from chat.serializers.frames import FrameSerializer
from chat.services.turns import Turn
from chat.streaming.engine import get_engine
from chat.streaming.requests import Request
from chat.streaming.starting import accepted_frame, start_turn
from guoxue.api import BodyTooLarge
from guoxue.bridge import in_thread
from guoxue.errors import ApplicationError, InvalidInput, NotAuthenticated

EVENT_STREAM = "text/event-stream"
KEEP_ALIVE_SECONDS = 15.0
RequestOf = Callable[[User, dict[str, Any]], Awaitable[Request]]


def reply_schema(*, summary: str, request: type[FrameSerializer]) -> Callable[[Any], Any]:
    """Describe to the schema an address that is answered here."""
    return extend_schema(
        tags=["对话"],
        summary=summary,
        description=(
            "默认在回复结束后以一个 JSON 作答；`Accept: text/event-stream` 时边写边发，事件与 WebSocket 的帧同名，"
            "断线后以同样的正文与 `Last-Event-ID` 再发一次即可续传。"
        ),
        request=request,
        responses={201: OpenApiTypes.OBJECT, (200, "text/event-stream"): OpenApiTypes.STR},
    )


async def answer(request: HttpRequest, request_of: RequestOf) -> HttpResponseBase:
    """Have a reply written and answer with it; ``request_of`` reads from the body what the reader asks for."""
    try:
        user = await _reader(request)
        body, last_seq = _body(request), _last_seq(request)
        asked = await request_of(user, body)
        if EVENT_STREAM in request.headers.get("Accept", ""):
            return await _stream(asked, last_seq)
        return await _whole(asked)
    except ApplicationError as error:
        return _refusal(error)


async def _whole(asked: Request) -> HttpResponse:
    """Answer with the reply once it has ended; 200 where the same request was accepted before."""
    turn = await start_turn(asked)
    async for frame in get_engine().follow(turn.message_id, 0):
        if frame["type"] == "ai_response":
            return _json(frame["data"], 201 if turn.created else 200)
    raise MessageNotFound


async def _stream(asked: Request, last_seq: int) -> StreamingHttpResponse:
    """Answer with events. What is refused at once has a status of its own; who has to wait is told so by events."""
    positions: asyncio.Queue[int] = asyncio.Queue()
    starting = asyncio.create_task(start_turn(asked, positions.put_nowait))
    told = asyncio.create_task(positions.get())
    try:
        await asyncio.wait({starting, told}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
    except BaseException:
        starting.cancel()
        raise
    finally:
        if not told.done():
            told.cancel()
    first = told.result() if told.done() and not told.cancelled() else None
    events = _kept_alive(_events(asked, starting, positions, first, last_seq))
    response = StreamingHttpResponse(events, content_type=f"{EVENT_STREAM}; charset=utf-8")
    response["Cache-Control"] = "no-store"
    # nginx would gather the events.
    response["X-Accel-Buffering"] = "no"
    return response


async def _events(
    asked: Request,
    starting: asyncio.Task[Turn],
    positions: asyncio.Queue[int],
    position: int | None,
    last_seq: int,
) -> AsyncIterator[bytes]:
    told: asyncio.Task[int] | None = None
    try:
        while not starting.done():
            if position is not None:
                yield _event(frames.queued(asked.client_message_id, position))
            told = asyncio.create_task(positions.get())
            await asyncio.wait({starting, told}, return_when=asyncio.FIRST_COMPLETED)
            position = told.result() if told.done() else None
            told.cancel()
        turn = starting.result()
    except ApplicationError as error:
        yield _event(frames.error(error, client_message_id=str(asked.client_message_id)))
        return
    finally:
        starting.cancel()
        if told is not None:
            told.cancel()
    yield _event(accepted_frame(turn))
    async for frame in get_engine().follow(turn.message_id, last_seq):
        yield _event(frame)


async def _kept_alive(events: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Send a comment in every silence, so that no proxy takes the connection for dead."""
    pending: asyncio.Future[bytes] | None = None
    try:
        while True:
            pending = pending or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait({pending}, timeout=KEEP_ALIVE_SECONDS)
            if not done:
                yield b": ping\n\n"
                continue
            try:
                event = pending.result()
            except StopAsyncIteration:
                return
            pending = None
            yield event
    finally:
        if pending is not None:
            pending.cancel()


def _event(frame: frames.Frame) -> bytes:
    data = frame["data"]
    number = f"id: {data['seq']}\n" if frame["type"] == "delta" else ""
    return f"{number}event: {frame['type']}\ndata: ".encode() + orjson.dumps(data) + b"\n\n"


async def _reader(request: HttpRequest) -> User:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthenticated
    return await in_thread(authenticate_access_token, token.strip())


def _body(request: HttpRequest) -> dict[str, Any]:
    try:
        body = orjson.loads(request.body)
    except RequestDataTooBig as error:
        raise BodyTooLarge from error
    except orjson.JSONDecodeError as error:
        raise InvalidInput("请求正文不是有效的 JSON。") from error
    if not isinstance(body, dict):
        raise InvalidInput("请求正文应是一个 JSON 对象。")
    return body


def _last_seq(request: HttpRequest) -> int:
    text = request.headers.get("Last-Event-ID", "").strip()
    if not text:
        return 0
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise InvalidInput("Last-Event-ID 应是收到的最后一个事件的编号。")
    return int(text)


def _refusal(error: ApplicationError) -> HttpResponse:
    response = _json({"error": error.as_dict()}, error.status)
    if error.retry_after_seconds is not None:
        response["Retry-After"] = str(error.retry_after_seconds)
    if error.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


def _json(data: object, status: int) -> HttpResponse:
    return HttpResponse(orjson.dumps(data), status=status, content_type="application/json")
