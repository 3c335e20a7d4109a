"""Decides how a process of ours is started, recognised and stopped, so that nothing else is ever touched."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypedDict

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


@dataclass(frozen=True)
class Account:
    """The unprivileged numeric user that runs the servers when we are root."""

    uid: int
    gid: int


def spawn(
    command: Sequence[str],
    *,
    output: IO[bytes] | int,
    death_signal: signal.Signals,
    account: Account | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path = Path("/"),
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, so that Ctrl-C reaches only us and we decide the order.

    On Linux the kernel sends it ``death_signal`` should we be killed. Call from the main thread only:
    the kernel watches the thread that forked.
    """
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=environment,
        start_new_session=True,
        preexec_fn=tie_to_us(death_signal),
        **as_account(account),
    )


class Identity(TypedDict, total=False):
    """The arguments by which ``subprocess`` changes who runs a program."""

    user: int
    group: int
    extra_groups: list[int]


def as_account(account: Account | None) -> Identity:
    """Return the arguments that make ``subprocess`` drop root for this account."""
    if account is None:
        return {}
    return {"user": account.uid, "group": account.gid, "extra_groups": []}


def tie_to_us(death_signal: signal.Signals) -> Callable[[], None]:
    """Return what a child runs before its program so that, on Linux, it does not outlive us."""
    parent = os.getpid()

    def prepare() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(death_signal))
            if os.getppid() != parent:
                os._exit(1)

    return prepare


def stop(process: subprocess.Popen[bytes], *steps: tuple[signal.Signals, float]) -> None:
    """Send each signal in turn and wait its seconds, then kill what is still there."""
    for number, seconds in steps:
        if process.poll() is not None:
            return
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=seconds)
    if process.poll() is None:
        process.kill()
        process.wait()


def stop_leftover(pid: int, mark: str, *steps: tuple[signal.Signals, float]) -> None:
    """Stop a process of an earlier run; it is verified before every signal, as numbers are used again."""
    for number, seconds in (*steps, (signal.SIGKILL, 5.0)):
        if not is_running_with(pid, mark):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while is_running_with(pid, mark) and time.monotonic() < deadline:
            time.sleep(0.05)


def find_running_with(mark: str) -> list[int]:
    """Return the numbers of all processes that have ``mark`` as one whole argument of their command line."""
    if sys.platform == "linux":
        numbers = [entry.name for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    else:
        listed = subprocess.run(["ps", "-A", "-o", "pid="], capture_output=True, text=True, check=True)
        numbers = listed.stdout.split()
    return [pid for pid in map(int, numbers) if is_running_with(pid, mark)]


def is_alive(pid: int) -> bool:
    """Tell whether any process has this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def is_running_with(pid: int, mark: str) -> bool:
    """Tell whether this process is alive and has ``mark`` as one whole argument of its command line."""
    if sys.platform == "linux":
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            return False
        return os.fsencode(mark) in arguments
    listed = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return mark in listed.stdout
