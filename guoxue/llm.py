"""Decides how we talk to language models: the only door, for any server that speaks the OpenAI protocol."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Literal

import httpx2
import openai
from django.conf import settings
from openai.types.chat import ChatCompletionMessageParam

from guoxue.errors import ApplicationError

OFFLINE_MODEL = "offline"
# No model has a larger context; a larger count is a provider's mistake.
MAX_COUNTED_TOKENS = 100_000_000


class ModelError(ApplicationError):
    """Base of what a provider can do to us."""

    code = "model_error"
    status = 502
    message = "模型服务出错，请稍后重新生成。"
    retryable = True


class ModelUnavailable(ModelError):
    """The provider cannot be reached, answers with a server error, or breaks off."""

    code = "model_unavailable"
    message = "模型服务暂时连接不上，请稍后重新生成。"


class ModelTimeout(ModelError):
    """The provider kept us waiting for longer than we wait."""

    code = "model_timeout"
    message = "模型服务响应超时，请稍后重新生成。"


class ModelBusy(ModelError):
    """The provider limits our rate."""

    code = "model_busy"
    status = 503
    message = "模型服务繁忙，请稍后重新生成。"


class ModelSilent(ModelError):
    """The provider ended the reply without a word, as its own content filter does."""

    code = "model_silent"
    message = "模型没有给出回答，请换个问法再试。"


class ModelRejected(ModelError):
    """The provider refuses the request itself: wrong key, unknown model, forbidden content."""

    code = "model_rejected"
    message = "模型服务拒绝了请求，请联系客服或换个问法。"
    retryable = False


@dataclass(frozen=True)
class ChatMessage:
    """One message of a prompt."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class Usage:
    """Tokens as the provider counted them; ``cached_input_tokens`` are part of ``input_tokens``."""

    input_tokens: int
    output_tokens: int
    cached_input_tokens: int = 0


@dataclass(frozen=True)
class TextDelta:
    """A piece of the reply's text, never empty."""

    text: str


@dataclass(frozen=True)
class StreamEnd:
    """The provider's last word; ``usage`` is None when it gave none."""

    finish_reason: str
    usage: Usage | None


def default_model() -> str:
    """Return the model that answers: the configured one, or the offline model when there is no API key."""
    return settings.LLM_MODEL if settings.LLM_API_KEY else OFFLINE_MODEL


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a text that the provider has not counted: 0.6 per CJK character, 0.3 per other.

    Source: the ratios that DeepSeek's API documentation gives for its tokenizer.
    """
    wide = _count_wide(text)
    return (6 * wide + 3 * (len(text) - wide) + 9) // 10


def bound_tokens(text: str) -> int:
    """Count a text's tokens generously, for budgets: 1 per CJK character, 1 per 2 others.

    Rare characters and emoji may take more; what a prompt exceeds its budget by is ours to pay.
    """
    wide = _count_wide(text)
    return wide + (len(text) - wide + 1) // 2


def _count_wide(text: str) -> int:
    return sum(character > "\u2e7f" for character in text)


class ChatModelClient:
    """Streams chat completions from one OpenAI-compatible server; belongs to one event loop.

    Local servers often want no key; the SDK insists on one.
    """

    def __init__(self, *, base_url: str, api_key: str) -> None:
        self._client = openai.AsyncOpenAI(
            base_url=base_url,
            api_key=api_key or "none",
            max_retries=1,
            timeout=httpx2.Timeout(
                settings.LLM_GAP_TIMEOUT_SECONDS, connect=settings.LLM_CONNECT_TIMEOUT_SECONDS
            ),
        )

    async def stream(
        self, *, model: str, messages: Sequence[ChatMessage], max_tokens: int, temperature: float
    ) -> AsyncGenerator[TextDelta | StreamEnd, None]:
        """Yield the reply as it is written, then exactly one ``StreamEnd``.

        Raises ``ModelError`` subclasses; a stream that ends without a finish reason is ``ModelUnavailable``, one that
        breaks off after it is complete.
        Retries happen only before the first token, inside the SDK.
        """
        try:
            async for event in self._events(model, messages, max_tokens, temperature):
                yield event
        except (TimeoutError, openai.APITimeoutError, httpx2.TimeoutException) as error:
            raise ModelTimeout from error
        except openai.RateLimitError as error:
            raise ModelBusy from error
        except openai.InternalServerError as error:
            raise ModelUnavailable from error
        except openai.APIStatusError as error:
            raise ModelRejected from error
        except (openai.OpenAIError, httpx2.HTTPError, ValueError) as error:
            raise ModelUnavailable from error

    async def _events(
        self, model: str, messages: Sequence[ChatMessage], max_tokens: int, temperature: float
    ) -> AsyncIterator[TextDelta | StreamEnd]:
        clock = asyncio.get_running_loop().time
        deadline = clock() + settings.LLM_TOTAL_TIMEOUT_SECONDS
        patience = settings.LLM_FIRST_TOKEN_TIMEOUT_SECONDS
        async with asyncio.timeout(patience):
            stream = await self._client.chat.completions.create(
                model=model,
                messages=[_as_parameter(message) for message in messages],
                max_tokens=max_tokens,
                temperature=temperature,
                stream=True,
                stream_options={"include_usage": True},
            )
        usage: Usage | None = None
        finish_reason = ""
        async with stream:
            while True:
                try:
                    async with asyncio.timeout(min(patience, deadline - clock())):
                        chunk = await anext(stream, None)
                except (openai.APIConnectionError, httpx2.HTTPError):
                    if not finish_reason:
                        raise
                    chunk = None
                if chunk is None:
                    break
                usage = _as_usage(chunk.usage) if chunk.usage is not None else usage
                # Some servers send null where the protocol has a list or an object.
                for choice in (chunk.choices or ())[:1]:
                    finish_reason = choice.finish_reason or finish_reason
                    if text := _storable(getattr(choice.delta, "content", None) or ""):
                        patience = settings.LLM_GAP_TIMEOUT_SECONDS
                        yield TextDelta(text)
        if not finish_reason:
            raise ModelUnavailable
        yield StreamEnd(finish_reason, usage)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.close()


def _as_parameter(message: ChatMessage) -> ChatCompletionMessageParam:
    if message.role == "system":
        return {"role": "system", "content": message.content}
    if message.role == "user":
        return {"role": "user", "content": message.content}
    return {"role": "assistant", "content": message.content}


def _storable(text: str) -> str:
    """Drop what neither PostgreSQL nor JSON can carry: NUL, and surrogates of a character that was cut in two."""
    return "".join(c for c in text if c != "\0" and not "\ud800" <= c <= "\udfff")


def _as_usage(usage: openai.types.CompletionUsage) -> Usage:
    """Read usage defensively: counts are neither negative nor absurd, and cached input never exceeds input."""
    details = usage.prompt_tokens_details
    cached = (
        (details.cached_tokens if details else None) or getattr(usage, "prompt_cache_hit_tokens", None) or 0
    )
    input_tokens = _sane(usage.prompt_tokens)
    return Usage(
        input_tokens=input_tokens,
        output_tokens=_sane(usage.completion_tokens),
        cached_input_tokens=min(_sane(cached), input_tokens),
    )


def _sane(count: int | None) -> int:
    return min(max(0, count or 0), MAX_COUNTED_TOKENS)
