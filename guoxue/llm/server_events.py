"""Decides where one server-sent event ends and the next begins, whatever the network made of them.

It knows nothing of models and imports nothing, so that a benchmark can lend it to a peer.
Source: https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
"""

MAX_EVENT_BYTES = 262_144
_DONE = b"[DONE]"
_MARK = b"\xef\xbb\xbf"


class OversizedEvent(ValueError):
    """An event is longer than we are willing to hold."""


class EventDecoder:
    """Turns bytes, cut anywhere, into the data of whole events; ``is_done`` once the ``[DONE]`` of OpenAI has come.

    Lines end with LF, CRLF or CR. Comments and all fields but ``data`` are passed over.
    """

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self.is_done = False
        self._max_event_bytes = max_event_bytes
        self._rest = b""
        self._data: list[bytes] = []
        self._size = 0
        self._is_first = True
        self._ends_with_cr = False

    def feed(self, received: bytes) -> list[bytes]:
        """Return the data of the events that these bytes complete."""
        if self._is_first or self._ends_with_cr or b"\r" in received:
            received = self._with_plain_line_ends(received)
        *lines, self._rest = (self._rest + received if self._rest else received).split(b"\n")
        events: list[bytes] = []
        for line in lines:
            if self.is_done:
                break
            self._take_line(line, events)
        if len(self._rest) + self._size > self._max_event_bytes:
            raise OversizedEvent
        return events

    def close(self) -> list[bytes]:
        """Return the data of a last event that ended with the stream instead of an empty line."""
        return self.feed(b"\n\n")

    def _take_line(self, line: bytes, events: list[bytes]) -> None:
        if not line:
            if self._data:
                self._finish(events)
        elif line.startswith(b"data:"):
            value = line[6:] if line[5:6] == b" " else line[5:]
            self._size += len(value)
            if self._size > self._max_event_bytes:
                raise OversizedEvent
            self._data.append(value)
        elif line == b"data":
            self._data.append(b"")

    def _finish(self, events: list[bytes]) -> None:
        data = self._data[0] if len(self._data) == 1 else b"\n".join(self._data)
        self._data, self._size = [], 0
        stripped = data.strip()
        if stripped == _DONE:
            self.is_done = True
        elif stripped:
            events.append(data)

    def _with_plain_line_ends(self, received: bytes) -> bytes:
        """Drop the byte order mark, and make every line end LF; the LF of a CRLF may come with the next bytes."""
        if self._is_first:
            received, self._rest = self._rest + received, b""
            if len(received) < len(_MARK) and _MARK.startswith(received):
                self._rest = received
                return b""
            received, self._is_first = received.removeprefix(_MARK), False
        if self._ends_with_cr and received:
            received = received.removeprefix(b"\n")
            self._ends_with_cr = False
        if b"\r" in received:
            self._ends_with_cr = received.endswith(b"\r")
            received = received.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return received
