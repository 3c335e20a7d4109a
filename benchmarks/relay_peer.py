"""Decides how the naive relay is run and asked, whoever measures against it."""

import asyncio
import json
import os
import subprocess
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Literal, Self

from benchmarks.environments import peer_python
from benchmarks.servers import free_port, running

_PEERS = Path(__file__).with_name("peers")


class RelayPeer:
    """``peers/relay.py`` in a process and an environment of its own, from ``with`` to its end.

    ``decoder`` is "sdk" for the relay as everybody writes it, "ours" for one that reads as we do.
    """

    process: subprocess.Popen[bytes]

    def __init__(self, upstream: str, decoder: Literal["sdk", "ours"]) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {**os.environ, "RELAY_UPSTREAM": upstream, "RELAY_DECODER": decoder}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        python = str(peer_python("relay", _PEERS / "requirements.txt"))
        command = [python, "-m", "uvicorn", "relay:app", "--app-dir", str(_PEERS), "--log-level", "warning"]
        self.process = self._stack.enter_context(
            running([*command, "--port", str(self.port)], f"{self.url}/cpu", environment=self._environment)
        )
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def cpu_seconds(self) -> float:
        """Return the CPU seconds of the process so far."""
        return float(urllib.request.urlopen(f"{self.url}/cpu", timeout=30).read())

    def cpu_of(self, streams: int, message: str) -> float:
        """Return the CPU seconds that it takes to serve so many readers at once."""
        before = self.cpu_seconds()
        asyncio.run(self._read_all(streams, message))
        return self.cpu_seconds() - before

    async def _read_all(self, streams: int, message: str) -> None:
        await asyncio.gather(*(self._read(message) for _ in range(streams)))

    async def _read(self, message: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        body = json.dumps({"message": message}).encode()
        head = f"POST /chat HTTP/1.1\r\nHost: relay\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
        writer.write(f"{head}\r\nConnection: close\r\n\r\n".encode() + body)
        received = await reader.read()
        writer.close()
        if b"[DONE]" not in received:
            raise SystemExit(f"The relay did not answer: {received[:500]!r}")
