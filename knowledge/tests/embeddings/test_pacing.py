"""Requests to a server that counts by the minute are spread over it."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from knowledge.embeddings import pacing
from knowledge.embeddings.pacing import Pacer


class Time:
    """A clock that goes on only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Time:
    time = Time()
    monkeypatch.setattr(pacing, "monotonic", time.monotonic)
    monkeypatch.setattr(pacing, "sleep", time.sleep)
    return time


@pytest.mark.parametrize(
    ("limits", "tokens", "pause"),
    [
        ({"requests": 30, "tokens": 0}, 500, 2),
        ({"requests": 0, "tokens": 6_000}, 500, 5),
        ({"requests": 30, "tokens": 6_000}, 500, 5),
        ({"requests": 30, "tokens": 6_000}, 100, 2),
    ],
)
def test_each_request_waits_for_the_share_of_the_one_before_it(
    time: Time, limits: dict[str, int], tokens: int, pause: float
) -> None:
    pacer = Pacer(**limits)

    for _ in range(3):
        pacer.wait(tokens=tokens)

    assert time.slept == pytest.approx([pause, pause])


def test_time_that_has_passed_is_not_waited_for_again(time: Time) -> None:
    pacer = Pacer(requests=60, tokens=0)
    pacer.wait(tokens=1)
    time.now += 10

    pacer.wait(tokens=1)

    assert time.slept == []


def test_without_limits_nobody_waits(time: Time) -> None:
    pacer = Pacer(requests=0, tokens=0)

    for _ in range(100):
        pacer.wait(tokens=1_000_000)

    assert time.slept == []


def test_threads_get_places_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(pacing, "monotonic", lambda: 1_000.0)
    monkeypatch.setattr(pacing, "sleep", slept.append)
    pacer = Pacer(requests=60, tokens=0)

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: pacer.wait(tokens=1), range(8)))

    assert sorted(slept) == pytest.approx([1, 2, 3, 4, 5, 6, 7])
