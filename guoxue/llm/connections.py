"""Decides how one provider is asked over the network, and what its failures mean. Importing it loads the SDK."""

import asyncio
import email.utils
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import httpx2
import openai
from django.conf import settings

from guoxue.llm.errors import ModelBusy, ModelError, ModelRejected, ModelTimeout, ModelUnavailable
from guoxue.llm.messages import ChatRequest
from guoxue.llm.providers import Provider

# What a provider may do to us on the way; ValueError is an answer that is not of the protocol.
FAULTS = (openai.OpenAIError, httpx2.HTTPError, aiohttp.ClientError, OSError, ValueError)
# An idle connection that is kept spares the next reply the TLS handshake.
_KEEP_ALIVE_SECONDS = 30.0
_MAX_CONNECTIONS = 1000
_LONGEST_WAIT_SECONDS = 86_400
_BLAMES_REQUEST = {400, 413, 422}


class Connection:
    """One provider's pool of connections; belongs to one event loop.

    The SDK runs on aiohttp, whose parser is in C (ADR 0012). Its own retries are off: ours know of the other providers.
    Local servers often want no key; the SDK insists on one.
    """

    def __init__(self, provider: Provider) -> None:
        seconds = settings.LLM_CONNECT_TIMEOUT_SECONDS
        timeout = httpx2.Timeout(None, connect=seconds, pool=seconds)
        limits = httpx2.Limits(max_connections=_MAX_CONNECTIONS, keepalive_expiry=_KEEP_ALIVE_SECONDS)
        self._client = openai.AsyncOpenAI(
            base_url=provider.base_url,
            api_key=provider.api_key or "none",
            max_retries=0,
            timeout=timeout,
            http_client=openai.DefaultAioHttpClient(timeout=timeout, limits=limits),
        )

    @asynccontextmanager
    async def ask(
        self, model: str, request: ChatRequest, deadline: float
    ) -> AsyncGenerator[AsyncIterator[bytes], None]:
        """Ask, and give the body as it comes; the headers must have come before the deadline."""
        async with asyncio.timeout_at(deadline):
            # The SDK's own door: through ``chat.completions`` it would look each message over for what to rename.
            stream = await self._client.post(
                "/chat/completions",
                cast_to=object,
                body={
                    "model": model,
                    "messages": [{"role": each.role, "content": each.content} for each in request.messages],
                    "max_tokens": request.max_tokens,
                    "temperature": request.temperature,
                    "stream": True,
                    "stream_options": {"include_usage": True},
                },
                options={"headers": {"Accept": "text/event-stream", "Accept-Encoding": "identity"}},
                stream=True,
                stream_cls=openai.AsyncStream[object],
            )
        response = stream.response
        try:
            yield _body_of(response)
        finally:
            await response.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()


def _body_of(response: httpx2.Response) -> AsyncIterator[bytes]:
    """Return the body as it comes from the network, past layers that would only pass it on, unless it is compressed."""
    if "content-encoding" in response.headers or not isinstance(response.stream, httpx2.AsyncByteStream):
        return response.aiter_bytes()
    return _to_the_last_byte(response.stream)


async def _to_the_last_byte(stream: httpx2.AsyncByteStream) -> AsyncGenerator[bytes, None]:
    """Yield what comes, and where the connection breaks also what had come before that and was not read yet.

    It may be the end of the reply. aiohttp keeps it, but raises the fault first; no layer above gives it out.
    """
    try:
        async for received in stream:
            yield received
    except FAULTS:
        answer = getattr(getattr(stream, "_stream", None), "_aiohttp_response", None)
        unread = answer.content._read_nowait(-1) if answer is not None else b""
        if unread:
            yield unread
        raise


def as_model_error(fault: Exception) -> ModelError:
    """Name what a provider did to us, in the words of this house."""
    match fault:
        case ModelError():
            return fault
        case openai.RateLimitError():
            return ModelBusy(retry_after_seconds=_retry_after(fault.response.headers))
        case openai.APIStatusError() if fault.status_code < 500 and fault.status_code != 408:
            return ModelRejected(blames_request=fault.status_code in _BLAMES_REQUEST)
        case openai.APITimeoutError() if isinstance(fault.__cause__, httpx2.ConnectTimeout):
            # Also the transport's word for a connection that broke.
            return ModelUnavailable()
        case httpx2.ConnectTimeout():
            return ModelUnavailable()
        case TimeoutError() | openai.APITimeoutError() | httpx2.TimeoutException():
            return ModelTimeout()
    return ModelUnavailable()


def _retry_after(headers: httpx2.Headers) -> int | None:
    """Read Retry-After, seconds or a date (RFC 9110, 10.2.3), rounded up; None when it makes no sense."""
    value = headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        date = email.utils.parsedate_tz(value)
        seconds = email.utils.mktime_tz(date) - time.time() if date else math.nan
    return math.ceil(min(seconds, _LONGEST_WAIT_SECONDS)) if seconds >= 0 else None
