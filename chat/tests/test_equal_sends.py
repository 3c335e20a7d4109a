"""However often and wherever the same request comes, and whatever happens to the processes: one reply, bought once."""

import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

import httpx2 as httpx
import pytest
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from accounts.tokens import issue_tokens
from billing.models import Hold, LedgerTransaction
from chat.models import Message
from chat.tests.served import LONG, QUESTION, ChatSocket, Frame, Served, books_agree, wait_for
from guoxue.tests.scripted_model import Pause, Say, ScriptedModel, Usage, spoken

pytestmark = pytest.mark.django_db(transaction=True)

CLIENTS = 50
PATIENCE_SECONDS = 240
BROKEN = (httpx.HTTPError, WebSocketException, OSError, TimeoutError)


@pytest.fixture
def processes(scripted_model: ScriptedModel, transactional_db: None) -> Iterator[list[Served]]:
    """Two web processes, each with its own port."""
    environment = {
        "LLM_BASE_URL": scripted_model.base_url,
        "LLM_API_KEY": "scripted",
        "REPLY_LEASE_SECONDS": "3",
    }
    processes = [Served(**environment).start() for _ in range(2)]
    yield processes
    for process in processes:
        process.kill()


def kill_both(processes: list[Served]) -> None:
    """kill -9, and start anew."""
    for process in processes:
        process.kill()
    for process in processes:
        process.start()


def restart_in_turn(processes: list[Served]) -> None:
    """As an update does it: one always serves."""
    for process in processes:
        process.stop()
        process.start()


class Sender:
    """Sends one request, the same for all, and again, to the other process, until it has heard how the reply ended."""

    def __init__(self, number: int, processes: list[Served], token: str, session_id: uuid.UUID) -> None:
        self._send = (self._by_socket, self._by_post)[number // 2 % 2]
        self._processes = cycle(processes if number % 2 else processes[::-1])
        self._token = token
        self._session_id = session_id

    def send(self, client_message_id: uuid.UUID) -> Frame:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                return self._send(next(self._processes), client_message_id)
            except BROKEN:
                time.sleep(0.2)
        raise AssertionError("no end was heard of")

    def _by_socket(self, process: Served, client_message_id: uuid.UUID) -> Frame:
        url = process.socket_url(self._session_id)
        with ChatSocket(connect(url, subprotocols=["bearer", self._token])) as client:
            client.ask(QUESTION, client_message_id)
            frame = client.until("ai_response")[-1]
        return frame["data"]

    def _by_post(self, process: Served, client_message_id: uuid.UUID) -> Frame:
        response = httpx.post(
            f"{process.url}/api/v1/sessions/{self._session_id}/messages",
            json={"message": QUESTION, "client_message_id": str(client_message_id)},
            headers={"Authorization": f"Bearer {self._token}"},
            timeout=30,
        )
        if response.status_code == 503:
            raise TimeoutError
        assert response.status_code in (200, 201), response.text
        data: Frame = response.json()
        return data


@pytest.mark.parametrize(
    ("restart", "script", "status"),
    [
        (lambda processes: None, spoken(LONG, size=5, pause=0.02), "completed"),
        (restart_in_turn, spoken(LONG, size=5, pause=0.1), "completed"),
        (kill_both, [Say(LONG), Pause(60), Usage(1, 1)], "interrupted"),
    ],
    ids=["no restart", "restart in turn", "kill -9 of both"],
)
def test_fifty_equal_requests_make_one_reply_that_is_paid_and_written_once(
    processes, reader, session, scripted_model, restart, script, status
):
    scripted_model.script = script
    client_message_id, token = uuid.uuid4(), issue_tokens(reader).access
    senders = [Sender(number, processes, token, session.id) for number in range(CLIENTS)]
    together = threading.Barrier(CLIENTS)

    def send(sender: Sender) -> Frame:
        together.wait(PATIENCE_SECONDS)
        return sender.send(client_message_id)

    with ThreadPoolExecutor(CLIENTS) as pool:
        heard = [pool.submit(send, sender) for sender in senders]
        wait_for(lambda: Message.objects.filter(author="assistant", chunks__isnull=False).exists())
        restart(processes)
        ends = [end.result() for end in heard]

    assert all(end == ends[0] for end in ends)
    assert (ends[0]["status"], ends[0]["message"]) == (status, LONG)
    assert len(scripted_model.requests) == 1
    question, reply = Message.objects.order_by("author")[::-1]
    assert (question.client_message_id, reply.reply_to) == (client_message_id, question)
    hold = Hold.objects.get()
    assert hold.settled_micros == reply.cost_micros == ends[0]["cost_micros"] > 0
    assert LedgerTransaction.objects.filter(kind=LedgerTransaction.Kind.SETTLE).count() == 1
    assert books_agree()
