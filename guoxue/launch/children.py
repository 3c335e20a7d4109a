"""Decides how the web server and the worker run: their log file, the terminal, their end."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from guoxue.embedded.processes import find_running_with, spawn, stop, stop_leftover
from guoxue.launch.options import BASE_DIR, Options

_LOG_LIMIT_BYTES = 5_000_000
# More than the web server takes to let its replies end.
_GRACE_SECONDS = 45.0


@dataclass
class Child:
    """One process of ours. It writes to its log file, and we show on the terminal what it adds there.

    So it never waits for a reader, and neither its death nor ours loses a line.
    """

    name: str
    command: list[str]
    log: Path
    # What the kernel sends it on Linux should we be killed.
    death_signal: signal.Signals
    process: subprocess.Popen[bytes] | None = None
    restart_at: float = 0.0
    _shown: int = field(default=0, repr=False)

    def start(self) -> None:
        """Start it, after what its log already holds."""
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as output:
            self._shown = output.tell()
            self.process = spawn(
                self.command,
                output=output,
                death_signal=self.death_signal,
                environment={**os.environ, "PYTHONUNBUFFERED": "1"},
                folder=BASE_DIR,
            )

    @property
    def is_dead(self) -> bool:
        """Tell whether it was started and ended by itself."""
        return self.process is not None and self.process.poll() is not None

    def show_output(self) -> None:
        """Copy the whole lines that were added since the last call to the terminal."""
        with self.log.open("rb") as file:
            file.seek(self._shown)
            added = file.read()
        complete = added[: added.rfind(b"\n") + 1]
        self._shown += len(complete)
        if complete:
            sys.stdout.buffer.write(complete)
            sys.stdout.flush()

    def stop(self) -> None:
        """Ask it to finish, and end it when its grace is over."""
        if self.process is not None:
            stop(self.process, (signal.SIGTERM, _GRACE_SECONDS), (signal.SIGQUIT, 3.0))
            self.show_output()


def web_server(options: Options) -> Child:
    """The web server; it keeps no access log, as addresses may carry tokens."""
    where = ["--bind", options.host, "--port", str(options.port)]
    command = [sys.executable, "-m", "guoxue.serve", *where]
    return Child("网页服务", command, options.var_dir / "log" / "web.log", signal.SIGKILL)


def background_worker(options: Options) -> Child:
    """The worker with its own clock; whether it runs as root was decided by whoever started us."""
    silence = "ignore:You're running the worker with superuser privileges"
    celery = [sys.executable, "-W", silence, "-m", "celery", "--quiet"]
    schedule = ["--beat", "--schedule", _schedule(options)]
    command = [*celery, "-A", "guoxue", "worker", *schedule, "--concurrency", "2", "--loglevel", "warning"]
    # Killed outright, it would leave the processes of its pool behind.
    return Child("后台任务", command, options.var_dir / "log" / "worker.log", signal.SIGTERM)


def stop_leftover_workers(options: Options) -> None:
    """Stop what an earlier worker of this data folder left, recognised by the path of its schedule."""
    for pid in find_running_with(_schedule(options)):
        stop_leftover(pid, _schedule(options), (signal.SIGTERM, 3.0))


def _schedule(options: Options) -> str:
    return str(options.var_dir / "celerybeat-schedule")


def restart_when_due(child: Child, *, pause_seconds: float = 5.0) -> None:
    """Bring a dead child back after a pause, so that a broken one does not spin."""
    if not child.is_dead:
        return
    now = time.monotonic()
    if child.restart_at == 0.0:
        print(f"{child.name}意外退出，{pause_seconds:.0f} 秒后重启；原因见 {child.log}", flush=True)
        child.restart_at = now + pause_seconds
    elif now >= child.restart_at:
        child.restart_at = 0.0
        child.start()
