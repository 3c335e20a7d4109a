import random
from itertools import pairwise

import pytest

from guoxue.llm.server_events import EventDecoder, OversizedEvent

STREAM = (
    "\ufeff: keep-alive\r\n\r\n"
    'event: message\ndata: {"text":"学而时习之"}\n\n'
    "id: 1\rretry: 5\rdata:一\rdata: 二\r\r"
    "data: 三\r\n\r\n"
    "data\n\ndata:   \n\n"
    "data: [DONE]\n\ndata: 余\n\n"
).encode()
EVENTS = ['{"text":"学而时习之"}', "一\n二", "三"]


def decode(*received: bytes) -> list[str]:
    decoder = EventDecoder()
    return [event.decode() for part in received for event in decoder.feed(part)]


def test_events_are_what_the_standard_says():
    assert decode(STREAM) == EVENTS


def test_events_do_not_depend_on_where_the_network_cuts():
    assert decode(*(STREAM[place : place + 1] for place in range(len(STREAM)))) == EVENTS
    for cut in range(len(STREAM)):
        assert decode(STREAM[:cut], STREAM[cut:]) == EVENTS
    chance = random.Random(4)
    for _ in range(200):
        cuts = sorted(chance.sample(range(len(STREAM)), 5))
        ends = [0, *cuts, len(STREAM)]
        assert decode(*(STREAM[a:b] for a, b in pairwise(ends))) == EVENTS


def test_a_last_event_without_its_empty_line_is_given_at_the_end():
    decoder = EventDecoder()

    assert decoder.feed(b"data: one") == []
    assert decoder.close() == [b"one"]


def test_what_follows_the_end_mark_is_ignored():
    decoder = EventDecoder()

    assert decoder.feed(b"data: [DONE]\n\ndata: more\n\n") == []
    assert decoder.is_done
    assert decoder.feed(b"data: more\n\n") == []


@pytest.mark.parametrize("piece", [b"x" * 7, b"data: xx\n", b": comment", b"data: " + b"x" * 200 + b"\n\n"])
def test_an_event_or_line_without_end_is_refused(piece):
    decoder = EventDecoder(max_event_bytes=100)

    with pytest.raises(OversizedEvent):
        for _ in range(60):
            decoder.feed(piece)
