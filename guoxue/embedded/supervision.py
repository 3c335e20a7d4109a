"""Decides the life of the bundled servers: one instance per data folder, started and stopped together."""

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from guoxue.embedded import STATE_FILE, Servers, postgres, redis
from guoxue.embedded.errors import AlreadyRunning
from guoxue.embedded.place import (
    Credentials,
    Place,
    find_place,
    remove_place,
    temporary_folder,
    write_private,
)
from guoxue.embedded.processes import stop


@dataclass
class Supervised:
    """The servers that run for us now."""

    place: Place
    credentials: Credentials
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def servers(self) -> Servers:
        password = self.credentials.password
        database_url = f"postgres://guoxue:{password}@127.0.0.1:{self.credentials.postgres_port}/guoxue"
        redis_url = f"redis://:{password}@127.0.0.1:{self.credentials.redis_port}/0"
        return Servers(
            database_url=database_url if "PostgreSQL" in self.processes else "",
            redis_url=redis_url if "Redis" in self.processes else "",
        )

    def find_dead(self) -> str | None:
        """Return the name of a server that ended by itself."""
        return next((name for name, process in self.processes.items() if process.poll() is not None), None)


@contextlib.contextmanager
def lock_folder(var_dir: Path) -> Iterator[None]:
    """Hold this data folder for one instance; the lock goes with our process, however it ends."""
    var_dir.mkdir(parents=True, exist_ok=True)
    with (var_dir / "servers.lock").open("a+", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            holder = lock.read().strip() or "未知"
            raise AlreadyRunning(
                f"数据目录 {var_dir} 正被另一个实例使用（进程 {holder}）。\n"
                "请先在它的终端按 Ctrl-C 停止它，或用 VAR_DIR 另选数据目录。"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


@contextlib.contextmanager
def serve(
    var_dir: Path, *, temporary: bool = False, with_postgres: bool = True, with_redis: bool = True
) -> Iterator[Supervised]:
    """Run the bundled servers on a data folder whose lock we hold."""
    place = find_place(var_dir, temporary=temporary)
    supervised = Supervised(place, Credentials.load(place))
    try:
        supervised.credentials.save(place)
        if with_postgres:
            supervised.processes["PostgreSQL"] = postgres.start_postgres(place, supervised.credentials)
        if with_redis:
            supervised.processes["Redis"] = redis.start_redis(place, supervised.credentials)
        supervised.credentials.save(place)
        _write_state(var_dir, supervised)
        yield supervised
    finally:
        (var_dir / STATE_FILE).unlink(missing_ok=True)
        if redis_process := supervised.processes.get("Redis"):
            stop(redis_process, *redis.STOP_STEPS)
        if postgres_process := supervised.processes.get("PostgreSQL"):
            stop(postgres_process, *postgres.STOP_STEPS)


@contextlib.contextmanager
def temporary_data() -> Iterator[Path]:
    """Provide a throw-away data folder."""
    folder = temporary_folder()
    try:
        yield folder
    finally:
        remove_place(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _write_state(var_dir: Path, supervised: Supervised) -> None:
    marks = {
        "PostgreSQL": str(supervised.place.folder / "postgres"),
        "Redis": str(supervised.place.folder / "redis" / "redis.conf"),
    }
    processes = [{"pid": process.pid, "mark": marks[name]} for name, process in supervised.processes.items()]
    servers = supervised.servers
    state = {"database_url": servers.database_url, "redis_url": servers.redis_url, "processes": processes}
    write_private(var_dir / STATE_FILE, json.dumps(state))
