"""The bundled servers: real PostgreSQL and Redis processes on a data folder of their own."""

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from guoxue.embedded import Servers, running_servers
from guoxue.embedded.place import Credentials, can_run, find_place, remove_place, temporary_folder
from guoxue.embedded.postgres import start_postgres
from guoxue.embedded.processes import Account, find_running_with, is_running_with, stop

BASE_DIR = Path(__file__).resolve().parent.parent.parent
COUNT_STARTS = """
import os, psycopg, redis
with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
    connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    connection.execute("CREATE TABLE IF NOT EXISTS starts (at timestamptz DEFAULT now())")
    connection.execute("INSERT INTO starts DEFAULT VALUES")
    print(connection.execute("SELECT count(*) FROM starts").fetchone()[0], flush=True)
assert redis.Redis.from_url(os.environ["REDIS_URL"]).ping()
"""
only_as_root = pytest.mark.skipif(os.geteuid() != 0, reason="只有 root 能换成别的用户")


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """One data folder for all: each test also shows that the one before left it in order."""
    folder = temporary_folder()
    yield folder
    remove_folder(folder)


@pytest.fixture
def fresh_data() -> Iterator[Path]:
    folder = temporary_folder()
    yield folder
    remove_folder(folder)


def remove_folder(folder: Path) -> None:
    wait_for(lambda: not processes_of(folder))
    remove_place(folder)
    shutil.rmtree(folder)


def command(data: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "guoxue.embedded", "exec", "--data", str(data), "--", *arguments]


def run(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(data, *arguments), cwd=BASE_DIR, capture_output=True, text=True, check=False
    )


def count_starts(data: Path) -> int:
    """Start both servers, use them, stop them; return how often that has been done on this folder."""
    done = run(data, sys.executable, "-c", COUNT_STARTS)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.splitlines()[-1])


@pytest.fixture
def running(data: Path) -> Iterator[tuple[subprocess.Popen[bytes], Servers]]:
    """Provide servers that run until the test, or its end, stops their supervisor."""
    supervisor = subprocess.Popen(command(data, "sleep", "600"), cwd=BASE_DIR)
    wait_for(lambda: running_servers(data) is not None)
    servers = running_servers(data)
    assert servers is not None
    yield supervisor, servers
    stop(supervisor, (signal.SIGTERM, 20))


def wait_for(condition: Callable[[], bool], *, timeout_seconds: float = 20) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.05)


def processes_of(folder: Path) -> list[int]:
    """Return the numbers of the servers of this folder that are alive."""
    marks = (folder / "servers" / "postgres", folder / "servers" / "redis" / "redis.conf")
    return [pid for mark in marks for pid in find_running_with(str(mark))]


def test_the_command_finds_both_servers_and_its_status_comes_back(data: Path) -> None:
    script = COUNT_STARTS + "raise SystemExit(7)"

    done = run(data, sys.executable, "-c", script)

    assert done.returncode == 7, done.stderr
    assert processes_of(data) == []


def test_a_second_start_keeps_the_data_and_takes_little_time(data: Path) -> None:
    count = count_starts(data)

    started = time.monotonic()
    next_count = count_starts(data)

    assert next_count == count + 1
    assert time.monotonic() - started < 10


def test_running_servers_are_none_while_nothing_runs(data: Path) -> None:
    count_starts(data)

    servers = running_servers(data)

    assert servers is None


def test_running_servers_can_be_connected_to(running: tuple[subprocess.Popen[bytes], Servers]) -> None:
    _, servers = running

    with psycopg.connect(servers.database_url) as connection:
        version = connection.execute("SHOW server_version").fetchone()

    assert version is not None and version[0].startswith("18.")
    assert servers.redis_url.startswith("redis://:")


def test_a_state_file_of_dead_processes_counts_for_nothing(
    data: Path, running: tuple[subprocess.Popen[bytes], Servers]
) -> None:
    supervisor, _ = running
    state = (data / "servers.json").read_text(encoding="utf-8")
    stop(supervisor, (signal.SIGTERM, 20))

    (data / "servers.json").write_text(state, encoding="utf-8")

    assert running_servers(data) is None


@pytest.mark.usefixtures("running")
def test_secrets_are_readable_by_their_owner_only(data: Path) -> None:
    files = ("servers.json", "servers/credentials.json", "servers/redis/redis.conf", "servers/postgres")

    modes = {name: stat.S_IMODE((data / name).stat().st_mode) & 0o077 for name in files}

    assert modes == dict.fromkeys(files, 0)


def test_a_wrong_password_is_refused(data: Path, running: tuple[subprocess.Popen[bytes], Servers]) -> None:
    _, servers = running
    password = Credentials.load(find_place(data, temporary=False)).password

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(servers.database_url.replace(password, "guess"))


def test_sigterm_stops_the_command_and_both_servers(
    data: Path, running: tuple[subprocess.Popen[bytes], Servers]
) -> None:
    supervisor, _ = running

    supervisor.terminate()
    status = supervisor.wait(timeout=20)

    assert status == 128 + signal.SIGTERM
    assert processes_of(data) == []


def test_a_second_instance_is_refused_and_the_first_goes_on(
    data: Path, running: tuple[subprocess.Popen[bytes], Servers]
) -> None:
    supervisor, servers = running

    second = run(data, "true")

    assert second.returncode == 2
    assert f"进程 {supervisor.pid}" in second.stderr
    assert running_servers(data) == servers


def test_a_killed_supervisor_leaves_nothing_behind(
    data: Path, running: tuple[subprocess.Popen[bytes], Servers]
) -> None:
    supervisor, _ = running

    supervisor.kill()
    supervisor.wait()

    wait_for(lambda: not processes_of(data))
    assert running_servers(data) is None


def test_a_start_right_after_a_killed_supervisor_works(data: Path) -> None:
    count = count_starts(data)
    supervisor = subprocess.Popen(command(data, "sleep", "600"), cwd=BASE_DIR)
    wait_for(lambda: running_servers(data) is not None)

    supervisor.kill()
    supervisor.wait()

    assert count_starts(data) == count + 1


def test_a_killed_database_recovers_at_the_next_start(data: Path) -> None:
    count = count_starts(data)
    killing = COUNT_STARTS + f"os.kill(int(open('{data}/servers/postgres/postmaster.pid').readline()), 9)"

    killed = run(data, sys.executable, "-c", killing)

    assert killed.returncode == 0, killed.stderr
    assert count_starts(data) == count + 2


def test_a_leftover_database_of_this_folder_is_stopped_first(data: Path) -> None:
    count = count_starts(data)
    place = find_place(data, temporary=False)
    leftover = start_postgres(place, Credentials.load(place))

    next_count = count_starts(data)

    assert next_count == count + 1
    assert leftover.wait(timeout=5) == 0


def test_a_stranger_with_the_number_of_a_dead_server_is_left_alone(data: Path) -> None:
    count = count_starts(data)
    stranger = subprocess.Popen(["sleep", "600"])
    folder = data / "servers" / "postgres"
    (folder / "postmaster.pid").write_text(f"{stranger.pid}\n{folder}\n")
    (data / "servers" / "redis" / "redis.pid").write_text(f"{stranger.pid}\n")

    next_count = count_starts(data)

    assert next_count == count + 1
    assert stranger.poll() is None
    stop(stranger, (signal.SIGTERM, 5))


def test_a_taken_port_is_replaced_by_a_free_one(data: Path) -> None:
    count = count_starts(data)
    kept = Credentials.load(find_place(data, temporary=False))

    with socket.create_server(("127.0.0.1", kept.postgres_port)):
        next_count = count_starts(data)

    assert next_count == count + 1
    assert Credentials.load(find_place(data, temporary=False)).postgres_port != kept.postgres_port


def test_an_unknown_command_is_reported_and_the_servers_stop(data: Path) -> None:
    done = run(data, "no-such-command")

    assert done.returncode == 127
    assert "无法运行 no-such-command" in done.stderr
    assert processes_of(data) == []


def test_temporary_servers_leave_no_folder() -> None:
    parent = temporary_folder()
    arguments = [sys.executable, "-m", "guoxue.embedded", "exec", "--temporary", "--", "true"]

    done = subprocess.run(arguments, cwd=BASE_DIR, env={**os.environ, "TMPDIR": str(parent)}, check=False)

    assert done.returncode == 0
    assert list(parent.iterdir()) == []
    parent.rmdir()


@only_as_root
@pytest.mark.usefixtures("running")
def test_root_runs_the_servers_as_a_number_that_nobody_has(data: Path) -> None:
    pid = (data / "servers/postgres/postmaster.pid").read_text().splitlines()[0]

    uid = Path(f"/proc/{pid}").stat().st_uid

    assert uid == (data / "servers" / "postgres").stat().st_uid
    assert uid not in {0, *(entry.pw_uid for entry in pwd.getpwall())}


@only_as_root
def test_a_folder_that_is_closed_to_others_stays_closed(fresh_data: Path) -> None:
    closed = fresh_data / "home"
    closed.mkdir(mode=0o700)

    first = run(closed / "var", sys.executable, "-c", COUNT_STARTS)
    count = count_starts(closed / "var")
    elsewhere = (closed / "var" / "servers").resolve()
    remove_place(closed / "var")

    assert first.stdout.splitlines()[0].endswith(str(elsewhere)), first.stderr
    assert count == 2
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert not elsewhere.exists()


@only_as_root
def test_programs_in_a_closed_folder_are_copied_and_a_newer_wheel_replaces_the_copy(fresh_data: Path) -> None:
    site = fresh_data / "site"
    (site / "wheel").mkdir(parents=True)
    (site / "wheel.libs").mkdir()
    (site / "wheel" / "program").write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    (site / "wheel" / "program").chmod(0o755)
    site.chmod(0o700)
    place = find_place(fresh_data, temporary=True)

    first = place.reachable_program(site, "wheel/program", ["wheel", "wheel.libs"])
    again = place.reachable_program(site, "wheel/program", ["wheel", "wheel.libs"])
    os.utime(site / "wheel", (0, 0))
    newer = place.reachable_program(site, "wheel/program", ["wheel", "wheel.libs"])

    assert first == again != newer
    assert can_run(newer, place.account)
    assert (newer.parent.parent / "wheel.libs").is_dir()
    assert not first.exists()


@only_as_root
def test_an_ordinary_user_needs_no_root(fresh_data: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    account = Account(nobody.pw_uid, nobody.pw_gid)
    if not can_run(Path(sys.executable), account):
        pytest.skip("其他用户进不了这个 .venv")
    folder = fresh_data / "var"
    folder.mkdir()
    os.chown(folder, account.uid, account.gid)

    done = subprocess.run(
        command(folder, sys.executable, "-c", COUNT_STARTS + "print(os.geteuid())"),
        cwd=BASE_DIR,
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        user=account.uid,
        group=account.gid,
        extra_groups=[],
    )

    assert (done.returncode, done.stdout) == (0, f"1\n{account.uid}\n"), done.stderr
    assert (folder / "servers" / "postgres").stat().st_uid == account.uid


def test_a_process_is_recognised_by_a_whole_argument_only() -> None:
    process = subprocess.Popen(["sleep", "600"])
    # For a moment after its birth a process has no command line yet.
    wait_for(lambda: is_running_with(process.pid, "600"))

    recognised = [mark for mark in ("6", "60", "600", "6000") if is_running_with(process.pid, mark)]
    stop(process, (signal.SIGKILL, 5))

    assert recognised == ["600"]
