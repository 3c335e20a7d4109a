import asyncio
import multiprocessing
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from django.conf import settings as django_settings
from redis import Redis

from guoxue import llm
from guoxue.llm import circuits
from guoxue.llm.circuits import FAILURES, PAUSE_SECONDS, PROBE_SECONDS, WINDOW_SECONDS, Circuits
from guoxue.tests.scripted_model import Refuse, Say, Usage, spoken
from guoxue.tests.test_llm import collect, model, stream
from guoxue.tests.test_llm_providers import two

__all__ = ["model", "two"]

T = TypeVar("T")
NOBODY_THERE = "redis://127.0.0.1:9/0"


class World:
    """Circuits whose time the test moves: those of Redis by moving what is stored, the local ones by their clock."""

    def __init__(self, circuits: Circuits) -> None:
        self.circuits = circuits
        self.now = 1000.0

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        if django_settings.REDIS_URL == NOBODY_THERE:
            return
        with Redis.from_url(django_settings.REDIS_URL) as redis:
            for key in redis.keys("guoxue:llm-circuit:*"):
                for name in ("window_until", "open_until", "probe_until"):
                    if float(redis.hget(key, name) or 0):
                        redis.hincrbyfloat(key, name, -seconds)


@pytest.fixture(params=["shared", "local"])
def run(request, settings) -> Callable[[Callable[[World], Awaitable[T]]], T]:
    if request.param == "local":
        settings.REDIS_URL = NOBODY_THERE

    def run(scene: Callable[[World], Awaitable[T]]) -> T:
        async def play() -> T:
            world = World(Circuits(clock=lambda: world.now))
            try:
                return await scene(world)
            finally:
                await world.circuits.aclose()

        return asyncio.run(play())

    return run


async def fail(world: World, times: int) -> None:
    for _ in range(times):
        await world.circuits.fail("p", await world.circuits.admit("p"))


def test_a_provider_that_keeps_failing_is_left_alone_then_tried_by_one(run):
    async def scene(world: World) -> list[str]:
        await fail(world, FAILURES)
        seen = [await world.circuits.admit("p"), await world.circuits.admit("other")]
        world.pass_time(PAUSE_SECONDS + 0.1)
        seen += [await world.circuits.admit("p"), await world.circuits.admit("p")]
        await world.circuits.fail("p", "probe")
        world.pass_time(PAUSE_SECONDS - 1)
        seen.append(await world.circuits.admit("p"))
        world.pass_time(1.1)
        seen.append(await world.circuits.admit("p"))
        await world.circuits.succeed("p")
        return [*seen, await world.circuits.admit("p")]

    assert run(scene) == ["open", "closed", "probe", "open", "open", "probe", "closed"]


def test_a_probe_that_never_reports_back_makes_way_for_another(run):
    async def scene(world: World) -> list[str]:
        await fail(world, FAILURES)
        world.pass_time(PAUSE_SECONDS + 0.1)
        seen = [await world.circuits.admit("p")]
        world.pass_time(PROBE_SECONDS + 0.1)
        return [*seen, await world.circuits.admit("p"), await world.circuits.admit("p")]

    assert run(scene) == ["probe", "probe", "open"]


def test_failures_of_an_earlier_window_do_not_count(run):
    async def scene(world: World) -> str:
        await fail(world, FAILURES - 1)
        world.pass_time(WINDOW_SECONDS + 0.1)
        await fail(world, FAILURES - 1)
        return await world.circuits.admit("p")

    assert run(scene) == "closed"


def test_few_failures_among_many_requests_do_not_count(run):
    async def scene(world: World) -> list[str]:
        for _ in range(20):
            await world.circuits.admit("p")
        await fail(world, 19)
        seen = [await world.circuits.admit("p")]
        await fail(world, 2)
        return [*seen, await world.circuits.admit("p")]

    assert run(scene) == ["closed", "open"]


def test_late_failures_of_others_do_not_prolong_the_pause(run):
    async def scene(world: World) -> str:
        await fail(world, FAILURES)
        world.pass_time(PAUSE_SECONDS - 1)
        await world.circuits.fail("p", "closed")
        world.pass_time(1.1)
        return await world.circuits.admit("p")

    assert run(scene) == "probe"


def _fail_once() -> None:
    async def once() -> None:
        shared = Circuits()
        await shared.fail("p", await shared.admit("p"))
        await shared.aclose()

    asyncio.run(once())


def test_processes_count_together():
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=_fail_once) for _ in range(FAILURES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(30)

    async def admit() -> str:
        shared = Circuits()
        try:
            return await shared.admit("p")
        finally:
            await shared.aclose()

    assert asyncio.run(admit()) == "open"


def test_hundreds_of_requests_of_one_instant_are_all_counted_together():
    async def scene() -> set[str]:
        circuits = Circuits()
        try:
            return set(await asyncio.gather(*(circuits.admit("p") for _ in range(300))))
        finally:
            await circuits.aclose()

    assert asyncio.run(scene()) == {"closed"}
    with Redis.from_url(django_settings.REDIS_URL) as redis:
        assert int(redis.hget("guoxue:llm-circuit:p", "asked")) == 300


def test_redis_is_asked_again_when_it_is_back(settings):
    async def scene() -> list[str]:
        there = settings.REDIS_URL
        settings.REDIS_URL = NOBODY_THERE
        clock = [0.0]
        away = Circuits(clock=lambda: clock[0])
        for _ in range(FAILURES):
            await away.fail("p", await away.admit("p"))
        seen = [await away.admit("p")]
        away._redis.connection_pool.connection_kwargs.update(Redis.from_url(there).get_connection_kwargs())
        away._redis.connection_pool.reset()
        seen.append(await away.admit("p"))
        clock[0] += circuits.REDIS_PAUSE_SECONDS
        seen.append(await away.admit("p"))
        await away.aclose()
        return seen

    assert asyncio.run(scene()) == ["open", "open", "closed"]


def test_a_dead_provider_is_not_asked_any_more(model):
    model.script = [Refuse(500)]

    for _ in range(3):
        with pytest.raises(llm.ModelUnavailable):
            stream()
    asked = len(model.requests)
    with pytest.raises(llm.ModelUnavailable):
        stream()

    assert (asked, len(model.requests)) == (FAILURES, FAILURES)


def test_a_dead_provider_costs_the_fallback_no_time(two):
    first, second = two
    first.script, second.script = [Refuse(500)], [Say("学"), Usage(100, 5)]

    async def ask_often() -> int:
        client = llm.ChatModelClient()
        try:
            for _ in range(FAILURES + 3):
                await collect(client)
        finally:
            await client.aclose()
        return len(first.requests)

    assert asyncio.run(ask_often()) == FAILURES


def test_a_busy_or_refusing_provider_is_not_taken_for_dead(model):
    model.queue = [[Refuse(401)] for _ in range(FAILURES)] + [[Refuse(429)] for _ in range(FAILURES + 1)]
    model.script = spoken("学")

    while model.queue:
        with pytest.raises(llm.ModelError):
            stream()

    assert stream()[0] == llm.TextDelta("学")
