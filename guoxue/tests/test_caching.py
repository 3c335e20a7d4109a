"""What many ask for is computed once, by one of all processes; a change is seen; without Redis everybody computes."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from guoxue import caching
from guoxue.caching import SharedCache, redis_client


@pytest.fixture
def no_redis(settings) -> None:
    """Redis refuses connections."""
    settings.REDIS_URL = "redis://127.0.0.1:1/0"


class Source:
    """Counts how often it was computed; ``value`` may change."""

    def __init__(self, value: Any = "甲", seconds: float = 0.0) -> None:
        self.value, self.seconds = value, seconds
        self.computed = 0
        self._lock = threading.Lock()

    def __call__(self) -> Any:
        with self._lock:
            self.computed += 1
        value = self.value
        time.sleep(self.seconds)
        return value


def make(name: str = "test", seconds: float = 60) -> SharedCache[Any]:
    return SharedCache(name, seconds=seconds)


def all_at_once(*jobs: Callable[[], Any]) -> list[Any]:
    barrier = threading.Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        barrier.wait(20)
        return job()

    with ThreadPoolExecutor(len(jobs)) as threads:
        return list(threads.map(run, jobs))


@pytest.mark.parametrize("value", ["甲", [], 0, {"时": b"\x00\xff"}])
def test_what_is_kept_is_not_computed_again(value: object) -> None:
    shared, source = make(), Source(value)

    assert [shared.get("一", source) for _ in range(3)] == [value] * 3
    assert source.computed == 1


def test_each_key_and_each_name_has_a_value_of_its_own() -> None:
    source = Source()

    values = [make(name).get(key, source) for name in ("一", "二") for key in ("甲", "乙")]

    assert values == ["甲"] * 4
    assert source.computed == 4


def test_twenty_threads_compute_once() -> None:
    shared, source = make(), Source(seconds=0.2)

    values = all_at_once(*[lambda: shared.get("一", source)] * 20)

    assert values == ["甲"] * 20
    assert source.computed == 1


def test_processes_wait_for_the_one_that_computes() -> None:
    # Caches that share nothing but Redis, as processes do.
    source = Source(seconds=0.2)

    values = all_at_once(*[lambda: make().get("一", source)] * 20)

    assert values == ["甲"] * 20
    assert source.computed == 1


def test_without_the_lock_several_would_compute(monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source(seconds=0.2)
    set_anyway = redis_client().set
    monkeypatch.setattr(
        redis_client(), "set", lambda *args, nx=False, **options: set_anyway(*args, **options)
    )

    all_at_once(*[lambda: make().get("一", source)] * 5)

    assert source.computed == 5


def test_a_process_that_died_computing_keeps_nobody_waiting_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caching, "WAIT_SECONDS", 0.2)
    redis_client().set("guoxue:shared:test:一:lock:", 1)

    assert make().get("一", Source()) == "甲"


def test_a_change_is_seen_at_once() -> None:
    shared, source = make(), Source("旧")
    shared.get("一", source)

    source.value = "新"
    stale = shared.get("一", source)
    make().forget()

    assert (stale, shared.get("一", source)) == ("旧", "新")


def test_a_value_that_was_being_computed_at_the_change_is_not_kept() -> None:
    shared = make()
    source = Source("新")

    def compute_over_a_change() -> str:
        shared.forget()
        return "旧"

    assert shared.get("一", compute_over_a_change) == "旧"
    assert shared.get("一", source) == "新"


def test_nobody_who_comes_after_a_change_waits_for_a_value_from_before_it() -> None:
    shared, slow = make(), Source("旧", seconds=0.5)
    with ThreadPoolExecutor(1) as threads:
        before = threads.submit(shared.get, "一", slow)
        while not slow.computed:
            time.sleep(0.01)
        shared.forget()

        after = shared.get("一", lambda: "新")

        assert (before.result(), after) == ("旧", "新")


def test_a_failure_reaches_all_who_wait_and_is_not_kept() -> None:
    shared = make()
    calls: list[int] = []

    def fail() -> str:
        calls.append(1)
        time.sleep(0.2)
        raise LookupError("没有")

    def get() -> str:
        try:
            return shared.get("一", fail)
        except LookupError:
            return "failed"

    assert all_at_once(*[get] * 5) == ["failed"] * 5
    assert len(calls) == 1
    assert shared.get("一", Source()) == "甲"


def test_values_do_not_expire_together() -> None:
    for key in range(200):
        make(seconds=1000).get(str(key), Source())

    lives = [redis_client().pttl(f"guoxue:shared:test:{key}") / 1000 for key in range(200)]
    assert 890 <= min(lives) < 950 < 1050 < max(lives) <= 1100


@pytest.mark.usefixtures("no_redis")
def test_without_redis_every_caller_computes_and_changes_are_seen() -> None:
    shared, source = make(), Source()

    first = shared.get("一", source)
    source.value = "乙"
    shared.forget()

    assert (first, shared.get("一", source)) == ("甲", "乙")
    assert source.computed == 2


def test_redis_is_left_alone_for_a_while_once_it_does_not_answer(settings, no_redis, monkeypatch) -> None:
    shared = make()
    shared.get("一", Source())
    monkeypatch.setattr(redis_client(), "mget", lambda *_: pytest.fail("Redis was asked"))

    assert shared.get("一", Source("乙")) == "乙"


def test_redis_that_goes_away_in_between_costs_nobody_the_value(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = make()
    for command in ("mget", "set", "delete"):
        monkeypatch.setattr(caching, "_away_until", 0.0)
        with monkeypatch.context() as away:
            away.setattr(redis_client(), command, _refuse)
            assert shared.get(command, Source()) == "甲"


def _refuse(*_: object, **__: object) -> None:
    raise ConnectionError
