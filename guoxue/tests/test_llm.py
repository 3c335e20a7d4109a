import asyncio
import subprocess
import sys
from collections.abc import Iterator

import pytest

from guoxue import llm
from guoxue.tests.scripted_model import Pause, Raw, Say, ScriptedModel, Think, Usage, spoken

ENDED = llm.Usage(100, 5)


@pytest.fixture
def model(settings) -> Iterator[ScriptedModel]:
    """The one provider of the simple configuration."""
    model = ScriptedModel()
    settings.LLM_API_KEY, settings.LLM_BASE_URL, settings.LLM_PROVIDERS = "scripted", model.base_url, {}
    yield model
    model.close()


async def collect(client: llm.ChatModelClient, model: str = "deepseek-chat") -> list[llm.ReplyEvent]:
    messages = [llm.ChatMessage("system", "你是先生。"), llm.ChatMessage("user", "何谓学？")]
    events = client.stream(model=model, messages=messages, max_tokens=300, temperature=0.5)
    return [event async for event in events]


def stream(model: str = "deepseek-chat") -> list[llm.ReplyEvent]:
    async def with_client() -> list[llm.ReplyEvent]:
        client = llm.ChatModelClient()
        try:
            return await collect(client, model)
        finally:
            await client.aclose()

    return asyncio.run(with_client())


def test_deltas_come_in_order_and_the_end_carries_the_usage(model):
    model.script = [Say("学而"), Pause(0.2), Say("时习之"), Usage(prompt=120, completion=5, cached=100)]

    events = stream()

    usage = llm.Usage(input_tokens=120, output_tokens=5, cached_input_tokens=100)
    assert events == [
        llm.TextDelta("学而"),
        llm.TextDelta("时习之"),
        llm.StreamEnd("stop", usage, "deepseek-chat"),
    ]


def test_the_request_is_what_was_asked_with_usage_included(model):
    stream()

    assert model.requests == [
        {
            "model": "deepseek-chat",
            "messages": [
                {"role": "system", "content": "你是先生。"},
                {"role": "user", "content": "何谓学？"},
            ],
            "max_tokens": 300,
            "temperature": 0.5,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
    ]


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_is_apart_from_the_text(model, field):
    model.script = [Think("先想", field), Pause(0.2), Think("再想", field), Say("学"), Usage(100, 5)]

    assert stream() == [
        llm.ReasoningDelta("先想"),
        llm.ReasoningDelta("再想"),
        llm.TextDelta("学"),
        llm.StreamEnd("stop", ENDED, "deepseek-chat"),
    ]


def test_the_connection_of_one_reply_serves_the_next(model):
    async def twice() -> set[object]:
        client = llm.ChatModelClient()
        try:
            await collect(client)
            await collect(client)
        finally:
            await client.aclose()
        return set(model.clients)

    assert len(asyncio.run(twice())) == 1


def test_a_reader_who_leaves_ends_the_request(model):
    model.script = [step for _ in range(100) for step in (Say("水"), Pause(0.02))]

    async def leave() -> None:
        client = llm.ChatModelClient()
        try:
            messages = [llm.ChatMessage("user", "何谓学？")]
            events = client.stream(model="m", messages=messages, max_tokens=9, temperature=0)
            async for event in events:
                assert event == llm.TextDelta("水")
                break
            await events.aclose()
            async with asyncio.timeout(5):
                while not model.hung_up:
                    await asyncio.sleep(0.01)
        finally:
            await client.aclose()

    asyncio.run(leave())


def test_background_work_gets_the_whole_answer(model):
    model.script = [Think("想"), *spoken("学而时习之", size=2)]

    completion = llm.complete(
        model="deepseek-chat",
        messages=[llm.ChatMessage("user", "何谓学？")],
        max_tokens=50,
        temperature=0,
    )

    assert completion == llm.Completion("学而时习之", ENDED, "stop", "deepseek-chat")


@pytest.mark.parametrize(
    ("script", "error"), [([Usage(9, 9)], llm.ModelSilent), ([Raw("data: no\n\n")], llm.ModelUnavailable)]
)
def test_background_work_gets_the_same_errors(model, script, error):
    model.script = script

    with pytest.raises(error):
        llm.complete(model="m", messages=[llm.ChatMessage("user", "?")], max_tokens=50, temperature=0)


def test_background_work_waits_no_longer_than_it_says(model):
    model.script = [step for _ in range(40) for step in (Say("水"), Pause(0.1))]
    messages = [llm.ChatMessage("user", "何谓学？")]

    with pytest.raises(llm.ModelTimeout):
        llm.complete(model="m", messages=messages, max_tokens=9, temperature=0, timeout_seconds=0.3)


def test_importing_the_door_does_not_load_the_sdk():
    code = "import sys, guoxue.llm; sys.exit('openai' in sys.modules or 'aiohttp' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_tokens_are_estimated_by_kind_of_character():
    assert llm.estimate_tokens("学而时习之") == 3
    assert llm.estimate_tokens("abcdefghij") == 3
    assert llm.bound_tokens("学而时习之") == 5
    assert llm.bound_tokens("") == 0
