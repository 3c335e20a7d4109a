import asyncio
from collections.abc import Iterator

import pytest

from guoxue import llm
from guoxue.tests.scripted_model import Drop, Pause, Raw, Refuse, Say, ScriptedModel, Usage, spoken


@pytest.fixture
def model() -> Iterator[ScriptedModel]:
    model = ScriptedModel()
    yield model
    model.close()


def stream(model: ScriptedModel) -> list[llm.TextDelta | llm.StreamEnd]:
    async def collect() -> list[llm.TextDelta | llm.StreamEnd]:
        client = llm.ChatModelClient(base_url=model.base_url, api_key="scripted")
        try:
            messages = [llm.ChatMessage("system", "你是先生。"), llm.ChatMessage("user", "何谓学？")]
            events = client.stream(model="deepseek-chat", messages=messages, max_tokens=300, temperature=0.5)
            return [event async for event in events]
        finally:
            await client.aclose()

    return asyncio.run(collect())


def test_deltas_come_in_order_and_the_end_carries_the_usage(model):
    model.script = [Say("学而"), Say("时习之"), Usage(prompt=120, completion=5, cached=100)]

    events = stream(model)

    assert events == [
        llm.TextDelta("学而"),
        llm.TextDelta("时习之"),
        llm.StreamEnd("stop", llm.Usage(input_tokens=120, output_tokens=5, cached_input_tokens=100)),
    ]


def test_a_provider_without_usage_ends_without_usage(model):
    end = '{"choices": [{"index": 0, "delta": {}, "finish_reason": "length"}]}'
    model.script = [Say("学"), Raw(f"data: {end}\n\n")]

    assert stream(model)[-1] == llm.StreamEnd("length", None)


def test_absurd_usage_is_bounded(model):
    model.script = [Say("学"), Usage(prompt=-5, completion=-1, cached=999)]

    assert stream(model)[-1] == llm.StreamEnd("stop", llm.Usage(0, 0, 0))


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ([Refuse(400)], llm.ModelRejected),
        ([Refuse(401)], llm.ModelRejected),
        ([Refuse(404)], llm.ModelRejected),
        ([Refuse(429, {"Retry-After": "0"})], llm.ModelBusy),
        ([Refuse(503)], llm.ModelUnavailable),
        ([Drop()], llm.ModelUnavailable),
        ([Say("学"), Drop()], llm.ModelUnavailable),
        ([Say("学")], llm.ModelUnavailable),
        ([Raw("data: {broken\n\n")], llm.ModelUnavailable),
        ([Raw("data: \xff\n\n")], llm.ModelUnavailable),
    ],
)
def test_what_a_provider_does_to_us_has_a_typed_error(model, script, error):
    model.script = script

    with pytest.raises(error):
        stream(model)


def test_a_provider_that_never_starts_is_a_timeout(model, settings):
    settings.LLM_FIRST_TOKEN_TIMEOUT_SECONDS = 0.2
    model.script = [Pause(1), *spoken("迟")]

    with pytest.raises(llm.ModelTimeout):
        stream(model)


def test_a_gap_in_the_stream_is_a_timeout(model, settings):
    settings.LLM_GAP_TIMEOUT_SECONDS = 0.2
    model.script = [Say("学"), Pause(1), *spoken("迟")]

    with pytest.raises(llm.ModelTimeout):
        stream(model)


def test_an_endless_stream_ends_at_the_total(model, settings):
    settings.LLM_TOTAL_TIMEOUT_SECONDS = 0.5
    model.script = [step for _ in range(100) for step in (Say("水"), Pause(0.05))]

    with pytest.raises(llm.ModelTimeout):
        stream(model)


def test_one_server_error_before_the_first_token_is_retried(model):
    model.queue = [[Refuse(500)], spoken("学而时习之")]

    events = stream(model)

    assert "".join(event.text for event in events[:-1]) == "学而时习之"
    assert len(model.requests) == 2


def test_without_a_key_the_offline_model_answers(settings):
    settings.LLM_API_KEY = ""
    assert llm.default_model() == "offline"
    settings.LLM_API_KEY = "key"
    assert llm.default_model() == settings.LLM_MODEL


def test_tokens_are_estimated_by_kind_of_character():
    assert llm.estimate_tokens("学而时习之") == 3
    assert llm.estimate_tokens("abcdefghij") == 3
    assert llm.bound_tokens("学而时习之") == 5
    assert llm.bound_tokens("") == 0
