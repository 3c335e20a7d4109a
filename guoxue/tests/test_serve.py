"""How a web process serves: what it writes at once, clients that are gone, and that nothing holds up its event loop."""

import asyncio
import subprocess
import sys

import pytest
from autobahn.exception import Disconnected
from twisted.internet.abstract import FileDescriptor
from twisted.internet.main import CONNECTION_LOST

from guoxue.serve import Server, write_at_once


class Reactor:
    def addWriter(self, writer: object) -> None:
        return

    removeWriter = addWriter


class Transport(FileDescriptor):
    def __init__(self, room: int) -> None:
        super().__init__(Reactor())
        self.connected = 1
        self.room, self.sent, self.is_lost = room, b"", False

    def writeSomeData(self, data: bytes) -> object:
        if self.is_lost:
            return CONNECTION_LOST
        taken = bytes(data[: self.room])
        self.sent += taken
        self.room -= len(taken)
        return len(taken)


def test_what_the_socket_takes_is_sent_at_once_and_the_rest_in_its_turn() -> None:
    transport = Transport(room=4)

    for data in (b"abc", b"defg", b"hij"):
        write_at_once(transport, data)

    assert transport.sent == b"abcd"
    transport.room = 100
    transport.doWrite()
    assert transport.sent == b"abcdefghij"


def test_nothing_overtakes_what_waits() -> None:
    transport = Transport(room=0)
    write_at_once(transport, b"abc")
    transport.room = 2
    transport.doWrite()

    transport.room = 100
    write_at_once(transport, b"def")

    transport.doWrite()
    assert transport.sent == b"abcdef"


@pytest.mark.parametrize("is_over", ["connected", "disconnecting", "is_lost"])
def test_on_a_connection_that_is_over_the_reactor_has_its_say(is_over: str) -> None:
    transport = Transport(room=100)
    setattr(transport, is_over, is_over != "connected")

    write_at_once(transport, b"abc")

    assert transport.sent == b""


def test_a_client_that_has_just_gone_is_no_error() -> None:
    class Gone:
        def handle_reply(self, message: object) -> None:
            asked.append(message)
            raise Disconnected

    asked: list[object] = []
    server = Server(None, drain=None, patience_seconds=1, endpoints=["unused"])
    gone = Gone()
    server.connections = {gone: {}}

    asyncio.run(server.handle_reply(gone, {"type": "websocket.send", "text": "学"}))

    assert len(asked) == 1


def test_what_a_process_has_loaded_is_no_garbage_and_threads_give_way_soon() -> None:
    says = "import gc, sys, guoxue.asgi; print(gc.get_freeze_count(), sys.getswitchinterval())"

    said = subprocess.run([sys.executable, "-c", says], capture_output=True, text=True, check=True).stdout

    frozen, seconds = said.split()
    assert int(frozen) > 50_000
    assert float(seconds) < 0.005
