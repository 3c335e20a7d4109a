import asyncio
import uuid

from chat.services.turns import Turn
from chat.streaming.live import LiveReply


def live_reply() -> LiveReply:
    return LiveReply(Turn(*(uuid.uuid4() for _ in range(5)), max_output_tokens=100, created=True))


async def collect(live: LiveReply, last_seq: int = 0) -> list[dict]:
    return [frame async for frame in live.frames_after(last_seq)]


def test_viewers_who_come_early_late_or_back_see_the_same_text():
    async def scenario():
        live = live_reply()
        early = asyncio.create_task(collect(live))
        for piece in ("学而", "时习", "之，", "不亦", "说乎"):
            live.append(piece)
            await asyncio.sleep(0)
        late = asyncio.create_task(collect(live))
        back = asyncio.create_task(collect(live, last_seq=2))
        await asyncio.sleep(0)
        live.end({"type": "ai_response", "data": {}})
        return await asyncio.gather(early, late, back)

    early, late, back = asyncio.run(scenario())

    assert early == late
    assert "".join(frame["data"]["text"] for frame in early[:-1]) == "学而时习之，不亦说乎"
    assert [frame["data"]["seq"] for frame in early[:-1]] == list(range(1, len(early)))
    assert back == early[2:]


def test_nothing_is_taken_after_a_stop():
    async def scenario():
        live = live_reply()
        live.append("学而")
        live.stopping = True
        live.append("时习之")
        return live.text

    assert asyncio.run(scenario()) == "学而"


def test_unflushed_pieces_are_numbered_from_where_the_flush_stands():
    async def scenario():
        live = live_reply()
        for piece in ("一", "二", "三"):
            live.append(piece)
        live.flushed = 1
        return live.unflushed()

    assert [(piece.seq, piece.text) for piece in asyncio.run(scenario())] == [(2, "二"), (3, "三")]
