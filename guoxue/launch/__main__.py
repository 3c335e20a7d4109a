"""Run the whole product until Ctrl-C: ``python -m guoxue.launch`` is what ``bin/run`` starts."""

import contextlib
import http.client
import os
import signal
import sys
import time
from collections.abc import Iterator

from guoxue.embedded.errors import ServersFailed
from guoxue.embedded.interruption import StopRequested, note_signals, stop_if_requested
from guoxue.embedded.processes import spawn, stop
from guoxue.embedded.supervision import Supervised, lock_folder, serve
from guoxue.launch.children import (
    Child,
    background_worker,
    restart_when_due,
    stop_leftover_workers,
    web_server,
)
from guoxue.launch.errors import LaunchFailed
from guoxue.launch.options import (
    BASE_DIR,
    Options,
    allow_hosts,
    complete_environment,
    read_options,
    refuse_taken_port,
)
from guoxue.launch.reset import delete_data

_READY_TIMEOUT_SECONDS = 120
_TICK_SECONDS = 0.1


def main() -> int:
    """Launch, serve, stop; return the exit status."""
    options = read_options()
    note_signals()
    try:
        _launch(options)
    except StopRequested:
        _say("已停止。")
        return 0
    except (ServersFailed, LaunchFailed) as error:
        print(error, file=sys.stderr, flush=True)
        return error.exit_status
    return 0


def _launch(options: Options) -> None:
    with contextlib.ExitStack() as stack:
        stack.enter_context(lock_folder(options.var_dir))
        refuse_taken_port(options)
        if options.reset:
            delete_data(options)
        complete_environment(options.var_dir)
        allow_hosts(options)
        try:
            _run(options, stack)
        except StopRequested:
            _say("\n正在停止 …")
            raise


def _run(options: Options, stack: contextlib.ExitStack) -> None:
    """Start one thing after the other and watch; what runs is stopped by ``stack``, the last one first."""
    stop_leftover_workers(options)
    stack.callback(stop_leftover_workers, options)
    with _step("启动数据库与 Redis"):
        supervised = stack.enter_context(
            serve(options.var_dir, with_postgres=options.with_postgres, with_redis=options.with_redis)
        )
        _publish_addresses(supervised)
    _prepare()
    web, worker = web_server(options), background_worker(options)
    stack.callback(worker.stop)
    stack.callback(web.stop)
    with _step("启动网页服务"):
        web.start()
        _wait_until_ready(options, web)
    worker.start()
    _welcome(options)
    _watch(web, worker, supervised)


def _say(text: str) -> None:
    """Write to the terminal; it may be gone when that is why we stop."""
    with contextlib.suppress(OSError):
        print(text, flush=True)


@contextlib.contextmanager
def _step(title: str) -> Iterator[None]:
    print(f"▸ {title}", flush=True)
    started = time.monotonic()
    yield
    print(f"  完成，{time.monotonic() - started:.1f} 秒", flush=True)


def _publish_addresses(supervised: Supervised) -> None:
    if supervised.servers.database_url:
        os.environ["DATABASE_URL"] = supervised.servers.database_url
    if supervised.servers.redis_url:
        os.environ["REDIS_URL"] = supervised.servers.redis_url


def _prepare() -> None:
    """Bring the database up to date in a process of its own, which writes to our terminal."""
    command = [sys.executable, "-m", "guoxue.launch.prepare"]
    process = spawn(
        command,
        output=sys.stdout.fileno(),
        death_signal=signal.SIGKILL,
        environment=os.environ,
        folder=BASE_DIR,
    )
    try:
        while process.poll() is None:
            time.sleep(_TICK_SECONDS)
            stop_if_requested()
        if process.returncode != 0:
            raise LaunchFailed("准备数据库时出错，原因见上。")
    finally:
        stop(process, (signal.SIGTERM, 5.0))


def _wait_until_ready(options: Options, web: Child) -> None:
    deadline = time.monotonic() + _READY_TIMEOUT_SECONDS
    while not _is_ready(options):
        web.show_output()
        if web.is_dead:
            raise LaunchFailed(f"网页服务没有启动成功，原因见 {web.log} 的末尾。")
        if time.monotonic() > deadline:
            raise LaunchFailed(f"网页服务在 {_READY_TIMEOUT_SECONDS} 秒内没有就绪，原因见 {web.log} 的末尾。")
        time.sleep(_TICK_SECONDS)
        stop_if_requested()


def _is_ready(options: Options) -> bool:
    connection = http.client.HTTPConnection(options.reachable_host, options.port, timeout=10)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _welcome(options: Options) -> None:
    print(f"\n国学大师已就绪：{options.address}\n管理后台：{options.address}/admin/", flush=True)
    if options.is_public:
        print("注意：其他机器也能打开此地址，而且没有加密；请只在可信的网络中这样用。", flush=True)
    print("按 Ctrl-C 停止。\n", flush=True)


def _watch(web: Child, worker: Child, supervised: Supervised) -> None:
    """Show what the children write and keep the worker alive; the end of anything else ends everything."""
    while True:
        web.show_output()
        worker.show_output()
        if web.is_dead:
            raise LaunchFailed(f"网页服务意外退出，其余部分随之停止。原因见 {web.log} 的末尾。")
        if dead := supervised.find_dead():
            raise LaunchFailed(f"{dead} 意外退出，其余部分随之停止。原因见 {supervised.place.log_folder}。")
        restart_when_due(worker)
        time.sleep(_TICK_SECONDS)
        stop_if_requested()


if __name__ == "__main__":
    sys.exit(main())
