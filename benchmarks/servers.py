"""Decides how a server is run beside a benchmark: on a port of its own, as a process that ends with the block."""

import shlex
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from socket import create_server


@contextmanager
def running(
    command: list[str], url: str, *, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server; the block begins when its URL answers, and ends the server."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, env=environment) as process:
        try:
            for _ in range(300):
                if process.poll() is not None:
                    raise SystemExit(f"{shlex.join(command)} has ended; see above.")
                try:
                    urllib.request.urlopen(url, timeout=5).read()
                    break
                except OSError:
                    time.sleep(0.1)
            else:
                raise SystemExit(f"{shlex.join(command)} does not answer at {url}.")
            yield process
        finally:
            process.terminate()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port
