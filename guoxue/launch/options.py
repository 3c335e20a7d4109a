"""Decides what a launch is asked to do: command line, environment and ``.env``."""

import argparse
import ipaddress
import os
import secrets
import socket
from dataclasses import dataclass
from pathlib import Path

import environ

from guoxue.embedded.place import write_private
from guoxue.launch.errors import LaunchFailed

BASE_DIR = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Options:
    """One launch: where to listen, where the data lies, which servers are ours to run."""

    host: str
    port: int
    reset: bool
    var_dir: Path
    with_postgres: bool
    with_redis: bool

    @property
    def reachable_host(self) -> str:
        """The name under which this machine reaches its own web server."""
        return "127.0.0.1" if _is_wildcard(self.host) else self.host

    @property
    def address(self) -> str:
        """The address to open in a browser."""
        host = self.reachable_host
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"

    @property
    def is_public(self) -> bool:
        """Tell whether other machines can reach the web server."""
        return self.host != "localhost" and not _is_loopback(self.host)


def read_options(arguments: list[str] | None = None) -> Options:
    """Parse the command line; values from ``.env`` count as if they stood in the environment."""
    parsed = _parser().parse_args(arguments)
    var_dir = read_environment()
    return Options(
        host=parsed.host,
        port=parsed.port,
        reset=parsed.reset,
        var_dir=var_dir,
        with_postgres=not os.environ.get("DATABASE_URL"),
        with_redis=not os.environ.get("REDIS_URL"),
    )


def read_environment() -> Path:
    """Read ``.env`` and return the data folder."""
    environ.Env.read_env(BASE_DIR / ".env")
    var_dir = Path(os.environ.get("VAR_DIR") or BASE_DIR / "var").absolute()
    os.environ["VAR_DIR"] = str(var_dir)
    return var_dir


def complete_environment(var_dir: Path) -> None:
    """Set what the settings need and the operator has not set: debug mode, and a secret key that is kept."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "guoxue.settings")
    os.environ["DEBUG"] = os.environ.get("DEBUG") or "true"
    if not os.environ.get("SECRET_KEY"):
        os.environ["SECRET_KEY"] = _kept_secret_key(var_dir / "secret_key")


def allow_hosts(options: Options) -> None:
    """Let in those who come by the address that we listen on."""
    if names := os.environ.get("ALLOWED_HOSTS"):
        os.environ["ALLOWED_HOSTS"] = f"{names},{options.reachable_host}"
    elif options.is_public:
        names = "*" if _is_wildcard(options.host) else f"localhost,127.0.0.1,[::1],{options.host}"
        os.environ["ALLOWED_HOSTS"] = names


def refuse_taken_port(options: Options) -> None:
    """Try the address before anything is started for it."""
    try:
        found = socket.getaddrinfo(
            options.host, options.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except socket.gaierror:
        raise LaunchFailed(f"--host {options.host} 不是本机的地址。", exit_status=2) from None
    family, kind, protocol, _, address = found[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except PermissionError:
            raise LaunchFailed(
                f"没有权限使用端口 {options.port}，请改用 1024 以上的端口。", exit_status=2
            ) from None
        except OSError as error:
            raise LaunchFailed(
                f"无法在 {options.host}:{options.port} 上监听（{os.strerror(error.errno or 0)}）。\n"
                f"端口多半被占用：请换一个，例如 bin/run --port {options.port + 1}",
                exit_status=2,
            ) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bin/run", description="启动国学大师：数据库、网页与后台任务")
    parser.add_argument("--port", type=_port, default=8000, help="网页端口（默认 8000）")
    parser.add_argument("--host", default="127.0.0.1", help="监听地址（默认 127.0.0.1，只有本机能打开）")
    parser.add_argument("--reset", action="store_true", help="先删除本机的全部数据，再从头开始")
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 1 <= port <= 65_535:
        raise argparse.ArgumentTypeError("端口须在 1 到 65535 之间")
    return port


def _kept_secret_key(path: Path) -> str:
    if not path.exists():
        write_private(path, secrets.token_urlsafe(48))
    return path.read_text(encoding="utf-8").strip()


def _is_wildcard(host: str) -> bool:
    return host in {"", "0.0.0.0", "::"}


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
