"""Decides nothing for the product: the naive relay of FastAPI, uvicorn and the openai SDK, as a peer to measure against.

``POST /chat`` ``{"message"}`` streams the model's deltas as server-sent events, ``data: {"text"}``, then ``[DONE]``;
``GET /cpu`` tells the CPU seconds that this process has taken. It keeps no log and no state. By environment:
``RELAY_UPSTREAM`` the model's base URL, ``RELAY_DECODER`` ``sdk`` (as everybody writes it) or ``ours`` (the SDK on
aiohttp, its body read by our decoder). It runs in another virtual environment and imports nothing of the project but
that one file, which imports nothing itself.
"""

import importlib.util
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import orjson
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

_DECODER = Path(__file__).resolve().parents[2] / "guoxue" / "llm" / "server_events.py"
_WITH_OURS = os.environ.get("RELAY_DECODER", "sdk") == "ours"

app = FastAPI()
client = openai.AsyncOpenAI(
    base_url=os.environ["RELAY_UPSTREAM"],
    api_key="benchmark",
    http_client=openai.DefaultAioHttpClient() if _WITH_OURS else None,
)


class Question(BaseModel):
    """What a client sends."""

    message: str


@app.post("/chat")  # type: ignore[untyped-decorator]
async def chat(question: Question) -> StreamingResponse:
    """Stream the reply."""
    texts = _texts_by_our_decoder(question) if _WITH_OURS else _texts_by_the_sdk(question)
    return StreamingResponse(_events(texts), media_type="text/event-stream")


@app.get("/cpu")  # type: ignore[untyped-decorator]
async def cpu() -> float:
    """Tell the CPU seconds of this process."""
    return time.process_time()


def _request(question: Question) -> dict[str, Any]:
    return {
        "model": "deepseek-chat",
        "messages": [{"role": "user", "content": question.message}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


async def _texts_by_the_sdk(question: Question) -> AsyncIterator[str]:
    stream = await client.chat.completions.create(**_request(question))
    async for chunk in stream:
        if chunk.choices and (text := chunk.choices[0].delta.content):
            yield text


async def _texts_by_our_decoder(question: Question) -> AsyncIterator[str]:
    answer = await client.chat.completions.with_raw_response.create(**_request(question))
    response, decoder = answer.http_response, _event_decoder()
    try:
        async for received in response.stream:
            for event in decoder.feed(received):
                choices = orjson.loads(event).get("choices")
                if choices and (text := choices[0]["delta"].get("content")):
                    yield text
    finally:
        await response.aclose()


async def _events(texts: AsyncIterator[str]) -> AsyncIterator[str]:
    async for text in texts:
        yield f"data: {json.dumps({'text': text}, ensure_ascii=False)}\n\n"
    yield "data: [DONE]\n\n"


def _load_decoder() -> Any:
    spec = importlib.util.spec_from_file_location("server_events", _DECODER)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.EventDecoder


_event_decoder = _load_decoder()
