"""Decides how a web process serves: daphne, with sends that wait for slow clients, and a stop that lets replies end.

``python -m guoxue.serve --bind 127.0.0.1 --port 8000``
"""

# Daphne installs the reactor; nothing of Twisted may be imported before it.
import daphne.server  # isort:skip

import argparse
import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

from autobahn.exception import Disconnected
from daphne.endpoints import build_endpoint_description_strings
from daphne.ws_protocol import WebSocketProtocol
from twisted.internet import defer
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

from guoxue.closing import CLOSE_RESTARTING

logger = logging.getLogger(__name__)

# In either direction. The longest reply ends with a frame that holds its text twice, once as HTML.
_MAX_MESSAGE_BYTES = 4 * 1024 * 1024
# How long requests may still answer once the application has drained.
_ANSWER_SECONDS = 2.0


@implementer(IPushProducer)
class Flow:
    """Tells whether a connection takes more: the transport pauses us while it holds over 64 KB that were not read."""

    def __init__(self) -> None:
        self._writable = asyncio.Event()
        self._writable.set()

    def pauseProducing(self) -> None:
        """Let senders wait."""
        self._writable.clear()

    def resumeProducing(self) -> None:
        """Let senders go on."""
        self._writable.set()

    def stopProducing(self) -> None:
        """The connection is gone: nobody has to wait for it."""
        self._writable.set()

    @property
    def is_open(self) -> bool:
        """Tell whether the connection takes more now."""
        return self._writable.is_set()

    async def wait(self) -> None:
        """Return once the connection takes more."""
        await self._writable.wait()


def write_at_once(transport: Any, data: bytes) -> None:
    """Write what the socket takes now, unless something waits before it; the rest waits for the reactor's next round.

    Twisted leaves all to the next round: for a small frame that is more than half of what its sending costs.
    """
    nothing_waits = not transport._tempDataBuffer and transport.offset == len(transport.dataBuffer)
    if nothing_waits and transport.connected and not transport.disconnecting:
        written = transport.writeSomeData(data)
        if isinstance(written, int):
            data = data[written:]
    if data:
        type(transport).write(transport, data)


class Server(daphne.server.Server):  # type: ignore[misc]
    """Daphne, which buffers without bound for a client that does not read; here ``send`` waits instead.

    ``drain`` is called when the process is told to stop, before connections are cut.
    """

    def __init__(
        self,
        application: Any,
        *,
        drain: Callable[[], Awaitable[None]],
        patience_seconds: float,
        **options: Any,
    ) -> None:
        super().__init__(application, **options)
        self._drain = drain
        self._patience_seconds = patience_seconds
        self._flows: dict[Any, Flow] = {}
        self._ports: list[Any] = []

    def listen_success(self, port: Any) -> None:
        """Remember a port that is open, so that it can be closed first."""
        self._ports.append(port)
        super().listen_success(port)

    async def handle_reply(self, protocol: Any, message: dict[str, Any]) -> None:
        """Pass a message of the application on to the client, once there is room for it."""
        kind = message["type"]
        flow = self._flows.get(protocol)
        must_wait = flow is not None and not flow.is_open and kind != "websocket.close"
        if flow and must_wait and not await self._has_room(protocol, flow):
            return
        if kind == "http.response.body" and not message.get("more_body"):
            self._forget(protocol)
        if kind == "websocket.close" and message.get("code") == CLOSE_RESTARTING:
            # The protocol library sends this code only when it is written out.
            protocol.sendCloseFrame(code=CLOSE_RESTARTING, reasonUtf8=None, isReply=False)
            return
        with suppress(Disconnected):
            # A client that leaves is gone before the application hears of it.
            await super().handle_reply(protocol, message)
        if kind == "websocket.accept" or (kind == "http.response.body" and message.get("more_body")):
            self._watch(protocol)

    async def _has_room(self, protocol: Any, flow: Flow) -> bool:
        """Wait for a client that is slow; cut off one that takes nothing, as its sender might wait for ever.

        A WebSocket's consumer has less patience, and closes with a code that says why.
        """
        try:
            async with asyncio.timeout(2 * self._patience_seconds):
                await flow.wait()
        except TimeoutError:
            logger.info("a client that took nothing was cut off")
            (
                protocol if isinstance(protocol, WebSocketProtocol) else protocol.channel
            ).transport.abortConnection()
            return False
        return True

    def protocol_disconnected(self, protocol: Any) -> None:
        """Forget a connection that is gone, and let its senders go."""
        flow = self._flows.pop(protocol, None)
        if flow is not None:
            flow.stopProducing()
            if isinstance(protocol, WebSocketProtocol):
                # The cycle would keep the connection's memory until it is looked for.
                del protocol.transport.write
        super().protocol_disconnected(protocol)

    def kill_all_applications(self) -> defer.Deferred[None]:
        """Take no more connections, let the application end what it can, then cut the rest."""
        for port in self._ports:
            port.stopListening()
        drained = defer.Deferred.fromFuture(asyncio.ensure_future(self._end_what_can_be()))
        drained.addBoth(lambda _: super(Server, self).kill_all_applications())
        return drained

    async def _end_what_can_be(self) -> None:
        """Drain, then let the requests answer that were waiting for what has ended."""
        try:
            await self._drain()
        finally:
            answers = {
                connection["application_instance"]
                for protocol, connection in self.connections.items()
                if not isinstance(protocol, WebSocketProtocol) and connection.get("application_instance")
            }
            if answers:
                await asyncio.wait(answers, timeout=_ANSWER_SECONDS)

    def _watch(self, protocol: Any) -> None:
        is_gone = "disconnected" in self.connections.get(protocol, {"disconnected": True})
        if protocol in self._flows or is_gone:
            return
        flow = self._flows[protocol] = Flow()
        if isinstance(protocol, WebSocketProtocol):
            # The channel of the HTTP request that asked for the upgrade still stands there.
            protocol.transport.unregisterProducer()
            protocol.transport.registerProducer(flow, True)
            protocol.transport.write = partial(write_at_once, protocol.transport)
        else:
            protocol.registerProducer(flow, True)

    def _forget(self, protocol: Any) -> None:
        if self._flows.pop(protocol, None) is not None:
            protocol.unregisterProducer()


def main() -> None:
    """Serve until the process is told to stop."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bind", default="127.0.0.1", metavar="ADDRESS")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    from django.conf import settings

    from guoxue.asgi import application, drain

    endpoints = build_endpoint_description_strings(host=options.bind, port=options.port)
    # Requests carry tokens in their addresses: no access log is kept.
    server = Server(
        application,
        drain=drain,
        patience_seconds=settings.SLOW_CLIENT_SECONDS,
        websocket_max_message_size=_MAX_MESSAGE_BYTES,
        endpoints=endpoints,
        verbosity=0,
    )
    server.run()


if __name__ == "__main__":
    main()
