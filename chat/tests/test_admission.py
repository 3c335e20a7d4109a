"""A model writes so many replies at once and no more; who has to wait is told their place, and readers take turns."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable

import pytest

from chat.errors import ServiceSaturated
from chat.streaming.admission import Admission

ANNA, BEN, CARL = (uuid.UUID(int=number) for number in (1, 2, 3))


@pytest.fixture(autouse=True)
def _one_stream(settings) -> None:
    settings.LLM_MAX_STREAMS, settings.LLM_QUEUE_LIMIT, settings.LLM_QUEUE_SECONDS = 1, 3, 5


class Line:
    """Requests for one model, with the order in which they got through and what they were told."""

    def __init__(self) -> None:
        self.admission = Admission()
        self.order: list[str] = []
        self.told: dict[str, list[int]] = {}

    def ask(self, name: str, reader: uuid.UUID, go_on: asyncio.Event, model: str = "m") -> asyncio.Task[None]:
        return asyncio.create_task(self._ask(name, reader, go_on, model))

    async def _ask(self, name: str, reader: uuid.UUID, go_on: asyncio.Event, model: str) -> None:
        tell = self.told.setdefault(name, []).append
        async with self.admission.slot(model, reader_id=reader, on_position=tell):
            self.order.append(name)
            await go_on.wait()


def run(scenario: Callable[[Line], Awaitable[None]]) -> Line:
    async def play() -> Line:
        line = Line()
        await scenario(line)
        return line

    return asyncio.run(play())


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def test_readers_take_turns_and_hear_their_place() -> None:
    async def scenario(line: Line) -> None:
        first, others = asyncio.Event(), asyncio.Event()
        others.set()
        tasks = [line.ask("first", CARL, first)]
        await settle()
        for name, reader in (("anna1", ANNA), ("anna2", ANNA), ("ben", BEN)):
            tasks.append(line.ask(name, reader, others))
            await settle()
        first.set()
        await asyncio.gather(*tasks)

    line = run(scenario)

    assert line.order == ["first", "anna1", "ben", "anna2"]
    assert line.told == {"first": [], "anna1": [1], "anna2": [2, 3, 2, 1], "ben": [2, 1]}


def test_one_more_than_may_wait_is_refused_at_once() -> None:
    async def scenario(line: Line) -> None:
        held = asyncio.Event()
        tasks = [line.ask("first", ANNA, held)]
        tasks += [line.ask(str(number), BEN, held) for number in range(3)]
        await settle()
        with pytest.raises(ServiceSaturated):
            await line.ask("late", CARL, held)
        held.set()
        await asyncio.gather(*tasks)

    assert run(scenario).order == ["first", "0", "1", "2"]


def test_who_waits_too_long_is_refused_and_leaves_no_trace(settings) -> None:
    settings.LLM_QUEUE_SECONDS = 0.01

    async def scenario(line: Line) -> None:
        held, free = asyncio.Event(), asyncio.Event()
        free.set()
        first = line.ask("first", ANNA, held)
        await settle()
        with pytest.raises(ServiceSaturated):
            await line.ask("late", BEN, free)
        held.set()
        await first
        await line.ask("next", CARL, free)

    assert run(scenario).order == ["first", "next"]


def test_who_goes_away_gives_the_place_up() -> None:
    async def scenario(line: Line) -> None:
        held, free = asyncio.Event(), asyncio.Event()
        free.set()
        first = line.ask("first", ANNA, held)
        await settle()
        gone, stays = line.ask("gone", BEN, free), line.ask("stays", CARL, free)
        await settle()
        gone.cancel()
        await settle()
        held.set()
        await asyncio.gather(first, stays)

    line = run(scenario)

    assert line.order == ["first", "stays"]
    assert line.told["stays"] == [2, 1]


def test_models_do_not_wait_for_each_other() -> None:
    async def scenario(line: Line) -> None:
        held, free = asyncio.Event(), asyncio.Event()
        free.set()
        first = line.ask("first", ANNA, held)
        await settle()
        await line.ask("other", BEN, free, model="another")
        held.set()
        await first

    assert run(scenario).order == ["first", "other"]


def test_kept_slot_is_free_only_when_it_is_released() -> None:
    async def scenario(line: Line) -> None:
        free = asyncio.Event()
        free.set()
        async with line.admission.slot("m", reader_id=ANNA, on_position=print) as slot:
            slot.keep()
        waiting = line.ask("next", BEN, free)
        await settle()
        assert line.order == []
        slot.release()
        slot.release()
        await waiting
        await line.ask("after", CARL, free)

    assert run(scenario).order == ["next", "after"]


def test_request_that_fails_gives_its_slot_back() -> None:
    async def scenario(line: Line) -> None:
        with pytest.raises(ZeroDivisionError):
            async with line.admission.slot("m", reader_id=ANNA, on_position=print):
                raise ZeroDivisionError
        free = asyncio.Event()
        free.set()
        await line.ask("next", BEN, free)

    assert run(scenario).order == ["next"]
