"""A web process that is told to stop sends its clients elsewhere and ends its replies; slow clients are cut off."""

import json
import os
import socket
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from accounts.tokens import issue_tokens
from chat.models import Message
from chat.offline import NOTHING_FOUND
from chat.services.sessions import create_session
from chat.tests.http_client import Event, Http, events
from chat.tests.served import LONG, QUESTION, Served, books_agree, joined, wait_for
from guoxue.tests.scripted_model import ANSWER, Pause, Say, ScriptedModel, Usage, Wait, spoken

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def process(scripted_model: ScriptedModel, transactional_db: None):
    """A web process of this test's own."""
    served = Served(
        LLM_BASE_URL=scripted_model.base_url,
        LLM_API_KEY="scripted",
        REPLY_DRAIN_SECONDS="1.5",
        SLOW_CLIENT_SECONDS="1",
        LLM_MAX_STREAMS="1",
    )
    yield served.start()
    if served.process is not None and served.process.poll() is None:
        served.kill()


def test_reply_that_is_nearly_done_ends_before_the_process_does(process, reader, session, scripted_model):
    scripted_model.script = spoken(ANSWER, size=2, pause=0.02)
    with process.socket(reader, session.id) as client:
        client.ask(QUESTION)
        client.until("delta")
        process.stop()
        with pytest.raises(ConnectionClosed) as closed:
            client.until("ai_response")

    assert closed.value.rcvd.code == 1012
    reply = Message.objects.get(author="assistant")
    assert (reply.status, reply.text) == ("completed", ANSWER)
    assert books_agree()


def test_who_waits_for_the_answer_over_http_gets_it_before_the_process_ends(
    process, reader, session, scripted_model
):
    gate, seen = threading.Event(), threading.Event()
    scripted_model.script = [Say("学而"), Wait(gate), Say("时习之。"), Usage(10, 5)]
    http, client_message_id = Http.of_session(process, reader, session.id), uuid.uuid4()

    def received() -> Event:
        with http.stream(client_message_id) as response:
            for event in events(response):
                if event[1] == "delta":
                    seen.set()
        return event

    with ThreadPoolExecutor(2) as pool:
        stream = pool.submit(received)
        seen.wait(20)
        answer = pool.submit(http.ask, client_message_id)
        time.sleep(1)
        threading.Timer(0.5, gate.set).start()
        process.stop()

    assert answer.result().json()["message"] == "学而时习之。"
    assert stream.result()[2]["message"] == "学而时习之。"


def test_reply_that_takes_too_long_is_interrupted_with_all_of_its_text(
    process, reader, session, scripted_model
):
    scripted_model.script = [Say("学而时习之，"), Say("不亦说乎？"), Pause(30), Usage(1, 1)]
    with process.socket(reader, session.id) as client:
        client.ask(QUESTION)
        client.until("delta")
        time.sleep(0.2)
        process.stop()

    reply = Message.objects.get(author="assistant")
    assert (reply.status, reply.text) == ("interrupted", "学而时习之，不亦说乎？")
    assert books_agree()


def test_what_broke_off_is_written_on_from_where_it_was(process, reader, session, scripted_model):
    scripted_model.queue = [[Say("学而时习之，"), Say("不亦"), Pause(30)], [Say("说乎？"), Usage(10, 5)]]
    with process.socket(reader, session.id) as client:
        client.ask(QUESTION)
        broken = client.until("delta")[-1]["data"]["message_id"]
        wait_for(lambda: Message.objects.get(id=broken).chunks.exists())
        client.send("stop", message_id=broken)
        client.until("ai_response")
        client.send("continue", message_id=broken, client_message_id=str(uuid.uuid4()))
        frames = client.until("ai_response")

    assert joined(frames) == frames[-1]["data"]["message"] == "学而时习之，不亦说乎？"
    asked = scripted_model.requests[-1]["messages"]
    assert (asked[-2]["role"], asked[-2]["content"]) == ("assistant", "学而时习之，不亦")
    assert "接着写完" in asked[-1]["content"]
    assert books_agree()


def test_what_broke_off_without_a_model_is_written_on_without_repeating(reader, session, transactional_db):
    offline = Served(LLM_API_KEY="").start()
    try:
        with offline.socket(reader, session.id) as client:
            client.ask(QUESTION)
            broken = client.until("delta")[-1]["data"]["message_id"]
            client.send("stop", message_id=broken)
            begun = client.until("ai_response")[-1]["data"]["message"]
            client.send("continue", message_id=broken, client_message_id=str(uuid.uuid4()))
            frames = client.until("ai_response")
    finally:
        offline.kill()

    assert begun and NOTHING_FOUND.startswith(begun) and begun != NOTHING_FOUND
    assert joined(frames) == frames[-1]["data"]["message"] == NOTHING_FOUND


def test_second_question_waits_for_the_first_reply_and_is_told_so(process, reader, session, scripted_model):
    scripted_model.script = spoken(LONG, size=20, pause=0.02)
    other = create_session(user=reader)
    with process.socket(reader, session.id) as client, process.socket(reader, other.id) as waiting:
        client.ask(QUESTION)
        client.until("accepted")
        client_message_id = waiting.ask(QUESTION)
        queued = waiting.receive()
        assert Message.objects.filter(session=other).count() == 0
        accepted = waiting.until("accepted")[-1]
        waiting.until("ai_response")

    assert queued == {
        "type": "queued",
        "data": {"client_message_id": str(client_message_id), "position": 1},
    }
    assert accepted["data"]["client_message_id"] == str(client_message_id)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="只有 Linux 说得出另一进程占多少内存")
def test_client_that_does_not_read_is_cut_off_and_costs_no_memory(process, reader, session, scripted_model):
    scripted_model.script = spoken(LONG * 100, size=2000)
    with process.socket(reader, session.id) as client:
        client.ask(QUESTION)
        final = client.until("ai_response")[-1]
    resume = {"type": "resume", "data": {"message_id": final["data"]["message_id"], "last_seq": 0}}
    size = len(json.dumps(final, ensure_ascii=False).encode())
    times = 16_000_000 // size
    before = resident_bytes(process)

    with stalled_socket(process, reader, session.id) as stalled:
        with suppress(ConnectionResetError, BrokenPipeError):
            for _ in range(times):
                stalled.sendall(masked(json.dumps(resume).encode()))
                time.sleep(0.02)
        time.sleep(4)
        grown = resident_bytes(process) - before
        received = read_until_closed(stalled)

    # What it did not read was neither kept for it nor sent: it comes back and resumes.
    assert grown < times * size / 4
    assert received < times * size / 4


def resident_bytes(process: Served) -> int:
    assert process.process is not None
    pages = Path(f"/proc/{process.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def read_until_closed(stalled: socket.socket) -> int:
    stalled.settimeout(20)
    count = 0
    with suppress(ConnectionResetError):
        while chunk := stalled.recv(1 << 20):
            count += len(chunk)
    return count


def stalled_socket(process: Served, reader, session_id: uuid.UUID) -> socket.socket:
    """Shake hands over a socket with a small window, as a client that then reads nothing."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.connect(("127.0.0.1", process.port))
    raw.sendall(
        f"GET /ws/chat/{session_id} HTTP/1.1\r\nHost: 127.0.0.1:{process.port}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        f"Authorization: Bearer {issue_tokens(reader).access}\r\n\r\n".encode()
    )
    head = b""
    while b"\r\n\r\n" not in head:
        head += raw.recv(1)
    assert b" 101 " in head.split(b"\r\n")[0]
    return raw


def masked(payload: bytes) -> bytes:
    """One text frame from client to server, masked with zeros; at most 65 535 bytes."""
    size = len(payload)
    length = bytes((0x80 | size,)) if size < 126 else bytes((0x80 | 126,)) + size.to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + payload
