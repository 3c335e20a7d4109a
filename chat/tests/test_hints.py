"""How viewers hear of what workers find out: through the channel layer, in whatever process they are served."""

import asyncio
import signal
import threading
import uuid
from functools import partial
from socket import create_server

import pytest
from django.core.cache import cache

from chat import tasks
from chat.models import Aftercare, Session
from chat.streaming import enqueueing, hints
from chat.streaming.hints import HintBoard, publish_from_task
from chat.tests.served import LONG, QUESTION, ChatSocket, Served, sequence, wait_for
from guoxue.tests.scripted_model import ANSWER, spoken

pytestmark = pytest.mark.django_db(transaction=True)
WORDS = "标题：学与思\n追问：何谓罔？"


@pytest.fixture
def worker(settings, scripted_model, priced_model):
    """This process as the worker of the served one."""
    settings.LLM_BASE_URL = scripted_model.base_url
    return tasks.after_reply


def test_title_and_suggestions_reach_every_viewer_of_the_session_and_nobody_else(
    hearing, reader, session, scripted_model, worker
):
    scripted_model.queue = [spoken(ANSWER)]
    scripted_model.script = spoken(WORDS)
    elsewhere = Session.objects.create(owner=reader, role=session.role)
    other = Served(LLM_BASE_URL=scripted_model.base_url, LLM_API_KEY="scripted").start()
    try:
        with (
            hearing.socket(reader, session.id) as one,
            other.socket(reader, session.id) as two,
            hearing.socket(reader, elsewhere.id) as three,
        ):
            joined_the_group([one, two], session)
            one.ask(QUESTION)
            message_id = one.until("ai_response")[-1]["data"]["message_id"]
            two.until("ai_response")

            worker(message_id)

            heard = [[client.receive(), client.receive()] for client in (one, two)]
            three.send("ping")
            assert three.receive()["type"] == "pong"
    finally:
        other.stop()

    assert heard[0] == heard[1]
    assert [(frame["type"], frame["data"]) for frame in heard[0]] == [
        ("title", {"session_id": str(session.id), "title": "学与思"}),
        ("suggestions", {"message_id": message_id, "suggestions": ["何谓罔？"]}),
    ]


def test_late_hint_begins_nothing_anew_that_is_followed_already(hearing, reader, session, scripted_model):
    scripted_model.script = spoken(LONG, size=3, pause=0.05)
    with hearing.socket(reader, session.id) as client:
        joined_the_group([client], session)
        client.ask(QUESTION)
        frames = client.until("delta")
        for _ in range(3):
            publish_from_task(session.id, frames[0])
        frames += client.until("ai_response")

    assert [frame["type"] for frame in frames].count("accepted") == 1
    assert sequence(frames) == list(range(1, len(sequence(frames)) + 1))


def test_all_that_begins_in_one_instant_is_told_in_order(session):
    heard = []

    async def scene() -> None:
        here, elsewhere = HintBoard(), HintBoard()
        elsewhere.listen(session.id, heard.append)
        while not heard:
            here.publish(session.id, {"type": "probe", "data": {}})
            await asyncio.sleep(0.05)
        for number in range(300):
            here.publish(session.id, {"type": "hint", "data": {"number": number}})
        async with asyncio.timeout(10):
            while heard[-1] != {"type": "hint", "data": {"number": 299}}:
                await asyncio.sleep(0.05)
        elsewhere._task.cancel()

    asyncio.run(scene())
    assert [frame["data"]["number"] for frame in heard if frame["type"] == "hint"] == list(range(300))


def test_hints_that_wait_for_a_slow_layer_fill_no_memory(session, monkeypatch):
    sent = []

    async def send(hints, origin):
        await asyncio.sleep(0.01)
        sent.append([frame for _, frame in hints])

    monkeypatch.setattr(hints, "_send_hints", send)

    async def scene() -> None:
        board = HintBoard()
        for number in range(hints.MAX_WAITING + 5):
            board.publish(session.id, number)
        await board._sender

    asyncio.run(scene())
    assert sent == [list(range(5, hints.MAX_WAITING + 5))]


def test_question_sent_again_is_answered_where_its_reply_is_followed_already(
    served, reader, session, scripted_model
):
    scripted_model.script = spoken(LONG, size=3, pause=0.05)
    with served.socket(reader, session.id) as client:
        client_message_id = client.ask(QUESTION)
        accepted = client.until("accepted")[-1]

    with served.socket(reader, session.id) as client:
        client.send("resume", message_id=accepted["data"]["message_id"], last_seq=0)
        frames = client.until("delta")
        client.ask(QUESTION, client_message_id)
        frames += client.until("ai_response")

    assert [frame for frame in frames if frame["type"] == "accepted"] == [accepted]
    assert sequence(frames) == list(range(1, len(sequence(frames)) + 1))


def test_reply_that_is_resumed_after_its_end_brings_its_suggestions(
    served, reader, session, scripted_model, worker
):
    scripted_model.queue = [spoken(ANSWER)]
    scripted_model.script = spoken(WORDS)
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        message_id = client.until("ai_response")[-1]["data"]["message_id"]
    worker(message_id)

    with served.socket(reader, session.id) as client:
        client.send("resume", message_id=message_id, last_seq=0)
        final = client.receive()["data"]

    assert final["suggestions"] == ["何谓罔？"]


def test_an_ended_reply_is_handed_to_the_workers(served, reader, session):
    waiting = cache._cache.get_client()
    queue = "guoxue.celery:celery\x06\x169"
    waiting.delete(queue)
    with served.socket(reader, session.id) as client:
        client.ask(QUESTION)
        message_id = client.until("ai_response")[-1]["data"]["message_id"]

    wait_for(lambda: any(message_id.encode() in each for each in waiting.lrange(queue, 0, -1)))


def test_reply_ends_as_ever_while_the_queue_does_not_answer(reader, session, scripted_model):
    server = Served(
        LLM_BASE_URL=scripted_model.base_url,
        LLM_API_KEY="scripted",
        CELERY_BROKER_URL="redis://127.0.0.1:1/0",
    ).start()
    try:
        with server.socket(reader, session.id) as client:
            for _ in range(2):
                client.ask(QUESTION)
                final = client.until("ai_response")[-1]["data"]
                assert (final["status"], final["message"]) == ("completed", ANSWER)
    finally:
        server.stop()

    assert Aftercare.objects.filter(attempts=0).count() == 2


def test_queue_that_does_not_answer_is_left_alone_for_a_while(monkeypatch):
    asked = []

    def refuse(name, arguments, **options):
        asked.append(arguments)
        raise enqueueing.OperationalError("away")

    monkeypatch.setattr(enqueueing.current_app, "send_task", refuse)
    queue = enqueueing._Queue()
    for _ in range(3):
        queue.put(uuid.uuid4())
        queue._waiting.join()

    assert len(asked) == 1


def test_queue_that_fails_in_a_way_of_its_own_says_so_and_goes_on(monkeypatch, caplog):
    asked = []

    def fail(name, arguments, **options):
        asked.append(arguments)
        raise ValueError("unheard of")

    monkeypatch.setattr(enqueueing.current_app, "send_task", fail)
    queue = enqueueing._Queue()
    for _ in range(2):
        queue.put(uuid.uuid4())
        queue._waiting.join()

    assert len(asked) == 2
    assert caplog.text.count("ValueError: unheard of") == 2


def test_queue_that_hangs_fills_no_memory(monkeypatch):
    is_over, asked = threading.Event(), []

    def hang(name, arguments, **options):
        asked.append(arguments)
        is_over.wait(10)

    monkeypatch.setattr(enqueueing.current_app, "send_task", hang)
    monkeypatch.setattr(enqueueing, "MAX_WAITING", 3)
    queue = enqueueing._Queue()
    queue.put(uuid.uuid4())
    wait_for(lambda: asked)
    for _ in range(10):
        queue.put(uuid.uuid4())
    is_over.set()
    queue._waiting.join()

    assert len(asked) == 1 + 3


def test_queue_that_hangs_does_not_keep_the_process_from_ending(reader, session, scripted_model):
    with create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(10)
        server = Served(
            LLM_BASE_URL=scripted_model.base_url,
            LLM_API_KEY="scripted",
            CELERY_BROKER_URL=f"redis://127.0.0.1:{silent.getsockname()[1]}/0",
        ).start()
        try:
            with server.socket(reader, session.id) as client:
                client.ask(QUESTION)
                client.until("ai_response")
            with silent.accept()[0]:
                server.process.send_signal(signal.SIGTERM)
                code = server.process.wait(15)
        finally:
            server.stop()

    assert code == 0


def joined_the_group(clients: list[ChatSocket], session: Session) -> None:
    """Wait until every client's process hears what is published for the session."""

    def hears(client: ChatSocket) -> bool:
        publish_from_task(session.id, {"type": "probe", "data": {}})
        try:
            return bool(client.receive(timeout=0.5))
        except TimeoutError:
            return False

    for client in clients:
        wait_for(partial(hears, client))
    publish_from_task(session.id, {"type": "last", "data": {}})
    for client in clients:
        client.until("last")
