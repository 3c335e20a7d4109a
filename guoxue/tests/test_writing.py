"""What a WebSocket writes at once, on a transport of Twisted whose socket takes so many bytes and no more."""

import pytest
from twisted.internet.abstract import FileDescriptor
from twisted.internet.main import CONNECTION_LOST

from guoxue.serve import write_at_once


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
