"""What a provider may do to a stream, and how the stream ends."""

import time

import pytest

from guoxue import llm
from guoxue.llm import reading
from guoxue.tests.scripted_model import (
    Bytes,
    Drop,
    Pause,
    Raw,
    Refuse,
    Reset,
    Say,
    Stall,
    Think,
    Usage,
    spoken,
)
from guoxue.tests.test_llm import model, stream

__all__ = ["model"]


def chunk(content: str = '""', more: str = "") -> Raw:
    """A chunk with the content written as JSON."""
    return Raw(f'data: {{"choices": [{{"index": 0, "delta": {{"content": {content}}}{more}}}]}}\n\n')


FINISHED = chunk(more=', "finish_reason": "stop"')
FAILURES = {
    "hang before any answer": ([Stall(2)], llm.ModelTimeout),
    "hang before the first token": ([Pause(2), *spoken("迟")], llm.ModelTimeout),
    "comments instead of tokens": ([*[Raw(": wait\n\n"), Pause(0.1)] * 20, *spoken("迟")], llm.ModelTimeout),
    "hang in mid-stream": ([Say("学"), Pause(2), *spoken("迟")], llm.ModelTimeout),
    "endless": ([Say("水"), Pause(0.05)] * 100, llm.ModelTimeout),
    "1 byte at a time": ([Say("学"), Bytes(b'data: {"choices": []}\n\n' * 9, pause=0.05)], llm.ModelTimeout),
    "reset before any answer": ([Reset()], llm.ModelUnavailable),
    "reset before the first token": ([Pause(0), Reset()], llm.ModelUnavailable),
    "reset in mid-stream": ([Say("学"), Pause(0.05), Reset()], llm.ModelUnavailable),
    "break before the first token": ([Drop()], llm.ModelUnavailable),
    "break in mid-stream": ([Say("学"), Drop()], llm.ModelUnavailable),
    "end without a finish": ([Say("学")], llm.ModelUnavailable),
    "400": ([Refuse(400)], llm.ModelRejected),
    "401": ([Refuse(401)], llm.ModelRejected),
    "402": ([Refuse(402)], llm.ModelRejected),
    "404": ([Refuse(404)], llm.ModelRejected),
    "429": ([Refuse(429)], llm.ModelBusy),
    "429 for an hour": ([Refuse(429, {"Retry-After": "3600"})], llm.ModelBusy),
    "500": ([Refuse(500)], llm.ModelUnavailable),
    "503": ([Refuse(503)], llm.ModelUnavailable),
    "bad JSON": ([Say("学"), Raw("data: {broken\n\n")], llm.ModelUnavailable),
    "no JSON at all": ([Raw("data: \xff\n\n")], llm.ModelUnavailable),
    "no object": ([Raw("data: [1]\n\n")], llm.ModelUnavailable),
    "no text": ([chunk("[1]")], llm.ModelUnavailable),
    "choices of no use": ([Raw('data: {"choices": {"a": 1}}\n\n')], llm.ModelUnavailable),
    "nested without end": ([Raw(f"data: {'[' * 100_000}\n\n")], llm.ModelUnavailable),
    "a line without end": ([Raw("data: " + "水" * 200_000)], llm.ModelUnavailable),
    "error in the stream": ([Say("学"), Raw('data: {"error": {"message": "x"}}\n\n')], llm.ModelUnavailable),
    "limit in the stream": ([Raw('data: {"error": {"code": 429}}\n\n')], llm.ModelBusy),
    "refusal in the stream": ([Raw('data: {"error": {"code": "content_filter"}}\n\n')], llm.ModelRejected),
    "broken off under load": (
        [Say("学"), chunk(more=', "finish_reason": "insufficient_system_resource"')],
        llm.ModelUnavailable,
    ),
}


@pytest.mark.parametrize(("script", "error"), FAILURES.values(), ids=FAILURES)
def test_a_fault_has_a_typed_error(model, settings, script, error):
    if error is llm.ModelTimeout:
        settings.LLM_FIRST_TOKEN_TIMEOUT_SECONDS = 0.9
        settings.LLM_GAP_TIMEOUT_SECONDS = 0.6
        settings.LLM_TOTAL_TIMEOUT_SECONDS = 2
    model.script = script

    with pytest.raises(llm.ModelError) as failure:
        stream()

    assert type(failure.value) is error


COMPLETE = {
    "half a character in an event": (
        [Bytes(b'data: {"choices": [{"delta": {"content": "\xe6\x97"}}]}\n\n')],
        "",
    ),
    "half a character in a packet": ([Bytes(chunk('"之"').line.encode(), pause=0.001)], "之"),
    "a lone surrogate": ([chunk('"\\ud83d"')], ""),
    "a NUL": ([chunk('"\\u0000"')], ""),
    "an emoji": ([chunk('"\\ud83d\\ude00"')], "😀"),
    "a duplicate chunk": ([Say("习"), Say("习")], "习习"),
    "nulls": ([Raw('data: {"choices": null, "usage": null}\n\n'), chunk("null")], ""),
    "CRLF": ([Raw('data: {"choices": [{"delta": {"content": "之"}}]}\r\n\r\n')], "之"),
    "an event over two lines": ([Raw('data: {"choices":\ndata: [{"delta": {"content": "之"}}]}\n\n')], "之"),
    "comments": ([Raw(": keep-alive\n\n")], ""),
}


@pytest.mark.parametrize(("steps", "text"), COMPLETE.values(), ids=COMPLETE)
def test_an_oddity_costs_nothing_but_itself(model, steps, text):
    model.script = [Say("学"), *steps, Usage(100, 5)]

    events = stream()

    assert "".join(event.text for event in events[:-1]) == f"学{text}"
    assert events[-1] == llm.StreamEnd("stop", llm.Usage(100, 5), "deepseek-chat")


@pytest.mark.parametrize("ending", [[], [Drop()], [Reset()], [Raw("data: {broken\n\n")], [Pause(1)]])
def test_a_stream_that_breaks_after_its_finish_is_complete(model, monkeypatch, ending):
    monkeypatch.setattr(reading, "USAGE_SECONDS", 0.2)
    model.script = [Say("学"), FINISHED, *ending]

    assert stream() == [llm.TextDelta("学"), llm.StreamEnd("stop", None, "deepseek-chat")]


@pytest.mark.parametrize("ending", [Drop(), Reset()])
def test_what_came_between_two_readings_is_not_lost_where_the_stream_breaks(model, monkeypatch, ending):
    monkeypatch.setattr(reading, "READING_SECONDS", 0.5)
    model.script = [Say("学"), Pause(0.05), Say("而时"), FINISHED, Pause(0.05), ending]

    events = stream()

    assert "".join(event.text for event in events[:-1]) == "学而时"
    assert events[-1] == llm.StreamEnd("stop", None, "deepseek-chat")


USAGES = {
    "none": ("null", None),
    "zero": ('{"prompt_tokens": 0, "completion_tokens": 0}', None),
    "no output": ('{"prompt_tokens": 9, "completion_tokens": 0}', None),
    "negative": ('{"prompt_tokens": -5, "completion_tokens": -1}', None),
    "words": ('{"prompt_tokens": "9", "completion_tokens": {}}', None),
    "a list": ("[9]", None),
    "huge": (
        '{"prompt_tokens": 1e30, "completion_tokens": 99999999999}',
        llm.Usage(100_000_000, 100_000_000),
    ),
    "more cached than read": (
        '{"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 99}}',
        llm.Usage(9, 2, 9),
    ),
    "DeepSeek's": (
        '{"prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 8}',
        llm.Usage(9, 2, 8),
    ),
}


@pytest.mark.parametrize(("usage", "read"), USAGES.values(), ids=USAGES)
def test_usage_is_read_defensively(model, usage, read):
    model.script = [Say("学"), FINISHED, Raw(f'data: {{"choices": [], "usage": {usage}}}\n\n')]

    assert stream()[-1] == llm.StreamEnd("stop", read, "deepseek-chat")


def test_usage_within_the_choice_counts(model):
    more = ', "finish_reason": "length", "usage": {"prompt_tokens": 9, "completion_tokens": 2}'
    model.script = [Say("学"), chunk(more=more)]

    assert stream()[-1] == llm.StreamEnd("length", llm.Usage(9, 2), "deepseek-chat")


def test_a_model_that_writes_without_measure_is_cut_off(model, monkeypatch):
    monkeypatch.setattr(reading, "MAX_REPLY_CHARACTERS", 1000)
    model.script = [Think("水" * 400), Pause(0.01)] * 9

    with pytest.raises(llm.ModelUnavailable):
        stream()


@pytest.mark.parametrize("fault", [Refuse(500), Refuse(429), Reset(), Drop(), Raw("data: {broken\n\n")])
def test_one_fault_before_the_first_token_is_passed_over(model, fault):
    model.queue = [[fault], spoken("学而时习之")]

    events = stream()

    assert "".join(event.text for event in events[:-1]) == "学而时习之"
    assert len(model.requests) == 2


def test_what_has_been_written_is_never_asked_for_again(model):
    model.queue = [[Think("想"), Pause(0.05), Drop()], spoken("学而时习之")]

    with pytest.raises(llm.ModelUnavailable):
        stream()

    assert len(model.requests) == 1


def test_retry_after_is_waited_for_within_the_patience(model):
    model.queue = [[Refuse(429, {"Retry-After": "1"})], spoken("学")]

    began = time.monotonic()
    events = stream()

    assert events[0] == llm.TextDelta("学")
    assert time.monotonic() - began >= 1


def test_retry_after_beyond_the_patience_is_told_and_not_waited_for(model):
    model.script = [Refuse(429, {"Retry-After": "21"})]

    with pytest.raises(llm.ModelBusy) as failure:
        stream()

    assert failure.value.retry_after_seconds == 21
    assert len(model.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_refusal_is_not_asked_for_twice(model, status):
    model.script = [Refuse(status)]

    with pytest.raises(llm.ModelRejected):
        stream()

    assert len(model.requests) == 1


def test_a_server_that_is_not_there_is_unavailable(model, settings):
    settings.LLM_BASE_URL = "http://127.0.0.1:9/v1"

    with pytest.raises(llm.ModelUnavailable):
        stream()
