"""What ``bin/run`` starts: the whole product on a data folder and a port of its own."""

import http.client
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from guoxue.embedded import running_servers
from guoxue.embedded.place import free_port, remove_place, temporary_folder
from guoxue.embedded.processes import find_running_with, stop
from guoxue.launch.children import Child, restart_when_due
from guoxue.launch.errors import LaunchFailed
from guoxue.launch.options import (
    BASE_DIR,
    Options,
    allow_hosts,
    complete_environment,
    read_environment,
    read_options,
    refuse_taken_port,
)
from guoxue.launch.reset import delete_data

OURS = (
    "DATABASE_URL",
    "REDIS_URL",
    "SECRET_KEY",
    "DEBUG",
    "ALLOWED_HOSTS",
    "DJANGO_SETTINGS_MODULE",
    "VAR_DIR",
)


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    folder = temporary_folder()
    yield folder
    remove_place(folder)
    shutil.rmtree(folder)


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Take away what the test run itself set, and any ``.env``; return the folder that is VAR_DIR now."""
    for name in OURS:
        # Set first, so that what the code under test writes is taken back too.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr("guoxue.launch.options.BASE_DIR", tmp_path)
    monkeypatch.setenv("VAR_DIR", str(tmp_path / "var"))
    (tmp_path / "var").mkdir()
    return tmp_path / "var"


@dataclass
class Launched:
    """A launch as its terminal sees it."""

    process: subprocess.Popen[bytes]
    output: Path
    port: int

    @property
    def text(self) -> str:
        return self.output.read_text(encoding="utf-8")


def launch(data: Path, *arguments: str, port: int | None = None) -> Launched:
    """Start the product as ``bin/run`` does, without waiting for it."""
    environment = {name: value for name, value in os.environ.items() if name not in OURS}
    port = port or free_port()
    output = data / "terminal.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "guoxue.launch", "--port", str(port), *arguments],
            cwd=BASE_DIR,
            env={**environment, "VAR_DIR": str(data), "PYTHONUTF8": "1"},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    return Launched(process, output, port)


def launch_and_wait(data: Path, *arguments: str) -> Launched:
    launched = launch(data, *arguments)
    wait_for(lambda: "已就绪" in launched.text or launched.process.poll() is not None, timeout_seconds=90)
    assert launched.process.poll() is None, launched.text
    return launched


def wait_for(condition: Callable[[], bool], *, timeout_seconds: float = 20) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        time.sleep(0.05)


def processes_of(launched: Launched, data: Path) -> list[int]:
    """Return the numbers of all processes of this launch that are alive: web server, worker, both servers."""
    marks = (
        str(launched.port),
        str(data / "celerybeat-schedule"),
        str(data / "servers" / "postgres"),
        str(data / "servers" / "redis" / "redis.conf"),
    )
    return [pid for mark in marks for pid in find_running_with(mark)]


def get(launched: Launched, path: str) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", launched.port, timeout=20)
    connection.request("GET", path)
    return connection.getresponse().status


def count_passages(data: Path) -> int:
    servers = running_servers(data)
    assert servers is not None
    with psycopg.connect(servers.database_url) as connection:
        found = connection.execute("SELECT count(*) FROM knowledge_passage").fetchone()
    assert found is not None
    return int(found[0])


def test_a_first_launch_serves_the_product_and_ctrl_c_stops_all_of_it(data: Path) -> None:
    launched = launch_and_wait(data)
    status, passages = get(launched, "/"), count_passages(data)
    wait_for(lambda: len(find_running_with(str(data / "celerybeat-schedule"))) >= 3)

    launched.process.send_signal(signal.SIGINT)
    exit_status = launched.process.wait(timeout=30)

    assert (exit_status, status) == (0, 200), launched.text
    assert passages > 500
    assert "admin@guoxue.local" in launched.text
    assert f"http://127.0.0.1:{launched.port}" in launched.text
    assert "Traceback" not in launched.text
    assert processes_of(launched, data) == []


def test_a_management_command_finds_what_runs_and_says_when_nothing_does(data: Path) -> None:
    environment = {
        **{name: value for name, value in os.environ.items() if name not in OURS},
        "VAR_DIR": str(data),
    }
    arguments = [sys.executable, "-m", "guoxue.launch.manage", "showmigrations", "accounts"]
    serving = [sys.executable, "-m", "guoxue.embedded", "exec", "--data", str(data), "--", "sleep", "600"]

    before = subprocess.run(
        arguments, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False
    )
    running = subprocess.Popen(serving, cwd=BASE_DIR)
    wait_for(lambda: running_servers(data) is not None)
    during = subprocess.run(
        arguments, cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=False
    )
    stop(running, (signal.SIGTERM, 20))

    assert (before.returncode, during.returncode) == (1, 0), during.stderr
    assert "请先运行 bin/run" in before.stderr
    assert "[X] 0001_initial" in during.stdout


def test_a_second_launch_is_quick_keeps_the_data_and_when_killed_takes_all_with_it(data: Path) -> None:
    started = time.monotonic()
    launched = launch_and_wait(data)
    seconds, passages = time.monotonic() - started, count_passages(data)

    launched.process.kill()
    launched.process.wait()

    wait_for(lambda: processes_of(launched, data) == [])
    # Ten seconds are promised; a busy build machine gets twice that.
    assert seconds < 20
    assert passages > 500
    assert "密码只显示这一次" not in launched.text


def test_after_a_kill_it_starts_again_and_ends_when_the_web_server_dies(data: Path) -> None:
    launched = launch_and_wait(data)
    (web,) = set(find_running_with("guoxue.serve")) & set(find_running_with(str(launched.port)))

    os.kill(web, signal.SIGKILL)
    exit_status = launched.process.wait(timeout=30)

    assert exit_status == 1
    assert "网页服务意外退出" in launched.text
    assert processes_of(launched, data) == []


def test_sigterm_while_it_still_starts_stops_what_has_started(data: Path) -> None:
    launched = launch(data)
    wait_for(lambda: "更新数据库结构" in launched.text)

    launched.process.terminate()
    exit_status = launched.process.wait(timeout=30)

    assert exit_status == 0
    assert "已停止" in launched.text
    assert "Traceback" not in launched.text
    assert processes_of(launched, data) == []


def test_a_taken_port_is_refused_before_anything_starts(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        launched = launch(data, port=taken.getsockname()[1])
        exit_status = launched.process.wait(timeout=20)

    assert exit_status == 2
    assert "端口多半被占用" in launched.text
    assert "▸" not in launched.text


def test_a_reset_is_refused_while_an_instance_runs(data: Path) -> None:
    running = subprocess.Popen(
        [sys.executable, "-m", "guoxue.embedded", "exec", "--data", str(data), "--", "sleep", "600"],
        cwd=BASE_DIR,
    )
    wait_for(lambda: running_servers(data) is not None)

    launched = launch(data, "--reset")
    exit_status = launched.process.wait(timeout=20)
    stop(running, (signal.SIGTERM, 20))

    assert exit_status == 2
    assert "正被另一个实例使用" in launched.text
    assert (data / "servers" / "postgres").is_dir()


def options(**changes: Any) -> Options:
    values: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": 8000,
        "reset": False,
        "var_dir": Path("/nonexistent"),
    }
    return Options(**{**values, "with_postgres": True, "with_redis": True, **changes})


def test_the_secret_key_is_made_once_and_kept_to_its_owner(clean_environment: Path) -> None:
    complete_environment(read_environment())
    first = os.environ.pop("SECRET_KEY")

    complete_environment(read_environment())

    assert os.environ["SECRET_KEY"] == first
    assert len(first) >= 50
    assert stat.S_IMODE((clean_environment / "secret_key").stat().st_mode) == 0o600


def test_servers_of_the_operators_own_replace_the_bundled_ones(
    clean_environment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (clean_environment.parent / ".env").write_text("DATABASE_URL=postgres://elsewhere/guoxue\nDEBUG=false\n")

    found = read_options(["--port", "9000"])
    complete_environment(found.var_dir)

    assert (found.with_postgres, found.with_redis, found.port) == (False, True, 9000)
    assert os.environ["DEBUG"] == "false"


@pytest.mark.parametrize(
    ("host", "address", "is_public", "allowed"),
    [
        ("127.0.0.1", "http://127.0.0.1:8000", False, None),
        ("localhost", "http://localhost:8000", False, None),
        ("::1", "http://[::1]:8000", False, None),
        ("0.0.0.0", "http://127.0.0.1:8000", True, "*"),
        ("192.0.2.7", "http://192.0.2.7:8000", True, "localhost,127.0.0.1,[::1],192.0.2.7"),
    ],
)
def test_the_host_decides_the_address_and_who_is_let_in(
    clean_environment: Path, host: str, address: str, is_public: bool, allowed: str | None
) -> None:
    found = read_options(["--host", host])

    allow_hosts(found)

    assert (found.address, found.is_public) == (address, is_public)
    assert os.environ.get("ALLOWED_HOSTS") == allowed


def test_a_host_that_is_not_of_this_machine_is_refused() -> None:
    with pytest.raises(LaunchFailed) as refused:
        refuse_taken_port(options(host="192.0.2.7"))

    assert refused.value.exit_status == 2


def test_a_reset_deletes_what_is_ours_by_name_and_nothing_else(tmp_path: Path) -> None:
    for name in ("servers/postgres", "media", "static", "log", "models", "not-ours"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("secret_key", "celerybeat-schedule.dat", "notes.txt"):
        (tmp_path / name).touch()

    delete_data(options(var_dir=tmp_path))

    assert sorted(path.name for path in tmp_path.iterdir()) == ["models", "not-ours", "notes.txt"]


def test_a_child_shows_whole_lines_as_they_are_written(tmp_path: Path, capfdbinary: Any) -> None:
    script = "import time; print('一'); print('二', end='', flush=True); time.sleep(600)"
    child = Child("后台任务", [sys.executable, "-c", script], tmp_path / "child.log", signal.SIGKILL)
    child.start()
    wait_for(lambda: "二".encode() in child.log.read_bytes())

    child.show_output()
    child.stop()

    assert capfdbinary.readouterr().out == "一\n".encode()


def test_a_dead_worker_comes_back_after_a_pause(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    child = Child("后台任务", [sys.executable, "-c", ""], tmp_path / "child.log", signal.SIGKILL)
    child.start()
    wait_for(lambda: child.is_dead)
    first = child.process

    restart_when_due(child, pause_seconds=0.2)
    still = child.process
    time.sleep(0.3)
    restart_when_due(child, pause_seconds=0.2)

    assert still is first
    assert child.process is not first
    assert "后台任务意外退出" in capsys.readouterr().out
    child.stop()
