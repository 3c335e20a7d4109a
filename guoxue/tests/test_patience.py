import asyncio

import pytest

from guoxue.patience import Patience


def test_many_waits_share_a_deadline_that_moves_on():
    async def wait_often() -> int:
        clock = asyncio.get_running_loop().time
        with Patience() as patience:
            for _ in range(10):
                await patience.wait(asyncio.sleep(0.03), clock() + 0.2)
        return 10

    assert asyncio.run(wait_often()) == 10


@pytest.mark.parametrize("first", [0.02, 5.0])
def test_a_wait_past_its_deadline_is_a_timeout_and_the_task_goes_on(first):
    async def wait_too_long() -> str:
        clock = asyncio.get_running_loop().time
        with Patience() as patience:
            await patience.wait(asyncio.sleep(0.05 if first > 1 else 0), clock() + first)
            with pytest.raises(TimeoutError):
                await patience.wait(asyncio.sleep(10), clock() + 0.05)
            await asyncio.sleep(0)
        return "went on"

    assert asyncio.run(asyncio.wait_for(wait_too_long(), 5)) == "went on"


def test_the_time_between_waits_does_not_count():
    async def work_slowly() -> str:
        clock = asyncio.get_running_loop().time
        with Patience() as patience:
            await patience.wait(asyncio.sleep(0), clock() + 0.02)
            await asyncio.sleep(0.1)
            return await patience.wait(asyncio.sleep(0.01, "done"), clock() + 1)

    assert asyncio.run(work_slowly()) == "done"


@pytest.mark.parametrize("is_first", [True, False])
def test_a_cancellation_from_outside_is_no_timeout(is_first):
    async def be_cancelled() -> None:
        async def wait() -> None:
            clock = asyncio.get_running_loop().time
            with Patience() as patience:
                if not is_first:
                    with pytest.raises(TimeoutError):
                        await patience.wait(asyncio.sleep(10), clock() + 0.01)
                await patience.wait(asyncio.sleep(10), clock() + 5)

        task = asyncio.create_task(wait())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(be_cancelled())
