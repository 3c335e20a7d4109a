"""Run one command with the bundled servers: ``python -m guoxue.embedded exec [--data DIR] -- COMMAND``."""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from guoxue.embedded import Servers
from guoxue.embedded.errors import ServersFailed
from guoxue.embedded.interruption import StopRequested, note_signals, take_signals
from guoxue.embedded.processes import tie_to_us
from guoxue.embedded.supervision import lock_folder, serve, temporary_data


def main() -> int:
    """Parse the command line, run the command, return its exit status."""
    options = _parse_arguments()
    note_signals()
    try:
        with contextlib.ExitStack() as stack:
            var_dir = stack.enter_context(temporary_data()) if options.temporary else options.data.absolute()
            stack.enter_context(lock_folder(var_dir))
            supervised = stack.enter_context(serve(var_dir, temporary=options.temporary))
            return _run(options.command, supervised.servers)
    except ServersFailed as error:
        print(error, file=sys.stderr)
        return error.exit_status
    except StopRequested as stop:
        return stop.exit_status


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m guoxue.embedded", description="内置的 PostgreSQL 与 Redis"
    )
    actions = parser.add_subparsers(required=True)
    run = actions.add_parser("exec", help="启动两者，设置 DATABASE_URL 与 REDIS_URL，运行命令，然后停止")
    where = run.add_mutually_exclusive_group()
    where.add_argument("--data", type=Path, default=Path(os.environ.get("VAR_DIR") or "var"), help="数据目录")
    where.add_argument("--temporary", action="store_true", help="用临时数据，结束后删除")
    run.add_argument("command", nargs="+", help="要运行的命令")
    return parser.parse_args()


def _run(command: list[str], servers: Servers) -> int:
    """Run the command in our own terminal and process group, pass signals on to it, return its status."""
    environment = {**os.environ, "DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
    try:
        process = subprocess.Popen(command, env=environment, preexec_fn=tie_to_us(signal.SIGTERM))
    except OSError as error:
        print(f"无法运行 {command[0]}：{error.strerror}", file=sys.stderr)
        return 127
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = process.wait(timeout=0.2)
            return status if status >= 0 else 128 - status
        for number in take_signals():
            if number != signal.SIGINT or not _came_from_terminal():
                process.send_signal(number)


def _came_from_terminal() -> bool:
    """Tell whether the command got this Ctrl-C too, being in the terminal's foreground group with us."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)


if __name__ == "__main__":
    sys.exit(main())
