"""Decides who runs the bundled servers and where their files lie.

PostgreSQL refuses to run as root, and the account that runs it instead must be able to reach its files.
Folders that are closed to others (such as root's home) are never opened: the files go elsewhere.
"""

import contextlib
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from guoxue.embedded.errors import ServersFailed
from guoxue.embedded.processes import Account, as_account

# Between the ranges of ordinary, systemd-homed and dynamic users, and inside a 65 536-wide user namespace.
_FREE_UIDS = range(60_601, 60_700)
_PORTS = range(21_000, 31_000)
_ELSEWHERE = Path("/var/lib")


@dataclass(frozen=True)
class Place:
    """The folder of one pair of servers: their data, their secrets, and who runs them."""

    folder: Path
    log_folder: Path
    account: Account | None
    temporary: bool

    def make_private_folder(self, name: str) -> Path:
        """Return a folder that only the account of the servers can read."""
        folder = self.folder / name
        folder.mkdir(mode=0o700, exist_ok=True)
        self.hand_over(folder)
        return folder

    def hand_over(self, path: Path) -> None:
        """Give one path to the account of the servers."""
        if self.account is not None:
            os.chown(path, self.account.uid, self.account.gid)

    def reachable_program(self, site: Path, program: str, folders: Sequence[str]) -> Path:
        """Return a wheel's program where the account can run it: in ``site``, or in a copy beside the data.

        ``folders`` are those of ``site`` that the program needs; a newer wheel replaces the copy.
        """
        if can_run(site / program, self.account):
            return site / program
        copy = self.folder / "programs" / f"{folders[0]}-{(site / folders[0]).stat().st_mtime_ns}"
        if not copy.exists():
            for old in copy.parent.glob(f"{folders[0]}-*"):
                shutil.rmtree(old)
            draft = copy.with_name(f"{copy.name}.new")
            for name in folders:
                shutil.copytree(site / name, draft / name, symlinks=True)
            draft.rename(copy)
        return copy / program

    def log(self, name: str) -> Path:
        """Return the log file of one server; a long one is put aside once."""
        path = self.log_folder / f"{name}.log"
        if path.exists() and path.stat().st_size > 5_000_000:
            path.replace(path.with_suffix(".log.1"))
        return path

    def failure(self, what: str, name: str) -> ServersFailed:
        """Return an error that ends with the last lines of this server's log."""
        lines = self.log(name).read_text(encoding="utf-8", errors="replace").splitlines()
        return ServersFailed("\n".join([f"{what}。日志 {self.log(name)} 的末尾：", *lines[-6:]]))


@dataclass
class Credentials:
    """What clients need to connect: chosen at the first start and kept."""

    password: str
    postgres_port: int
    redis_port: int

    @classmethod
    def load(cls, place: Place) -> "Credentials":
        """Read the kept ones, or choose new ones."""
        with contextlib.suppress(FileNotFoundError):
            return cls(**json.loads((place.folder / "credentials.json").read_text(encoding="utf-8")))
        return cls(password=secrets.token_urlsafe(24), postgres_port=free_port(), redis_port=free_port())

    def save(self, place: Place) -> None:
        """Keep them for the next start, readable by us alone."""
        write_private(place.folder / "credentials.json", json.dumps(asdict(self)))


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step; nobody else can read it at any moment."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)


def find_place(var_dir: Path, *, temporary: bool) -> Place:
    """Return the place of the servers under this data folder; made where it is not there yet."""
    (var_dir / "log").mkdir(parents=True, exist_ok=True)
    folder = var_dir / "servers"
    account = _choose_account(folder)
    if not folder.exists():
        folder.unlink(missing_ok=True)
        folder.mkdir()
        folder.chmod(0o711)
    if account is not None and not can_enter(folder.resolve(), account):
        _move_elsewhere(folder, account)
    _refuse_foreign_data(folder)
    return Place(folder.resolve(), var_dir / "log", account, temporary)


def temporary_folder() -> Path:
    """Make a fresh data folder that the account of the servers can enter."""
    account = _choose_account(Path("/nonexistent"))
    for parent in dict.fromkeys([Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]):
        if parent.is_dir() and can_enter(parent, account):
            folder = Path(tempfile.mkdtemp(prefix="guoxue-", dir=parent))
            folder.chmod(0o711)
            return folder
    raise ServersFailed("没有可用的临时目录：请把 TMPDIR 指向一个其他用户也能进入的目录。")


def remove_place(var_dir: Path) -> None:
    """Delete the files of the servers, also where they had to be put elsewhere."""
    folder = var_dir / "servers"
    if folder.is_symlink():
        shutil.rmtree(folder.resolve(), ignore_errors=True)
        folder.unlink()
    shutil.rmtree(folder, ignore_errors=True)


def _choose_account(folder: Path) -> Account | None:
    """Return the number that owns the data already, or one that nobody has; None when we are not root."""
    if os.geteuid() != 0:
        return None
    data = folder / "postgres"
    if data.exists() and data.stat().st_uid != 0:
        return Account(data.stat().st_uid, data.stat().st_gid)
    taken = {entry.pw_uid for entry in pwd.getpwall()}
    uid = next(number for number in _FREE_UIDS if number not in taken)
    return Account(uid, uid)


def _move_elsewhere(folder: Path, account: Account) -> None:
    """Put the files of the servers into a folder under /var/lib, with a link from where they belong."""
    if any(folder.iterdir()) or not can_enter(_ELSEWHERE, account):
        raise ServersFailed(
            f"数据库不能以 root 身份运行，而它所用的普通用户进不了 {folder}。\n"
            "请用 VAR_DIR 指定一个其他用户也能进入的数据目录，例如：VAR_DIR=/srv/guoxue bin/run"
        )
    elsewhere = Path(tempfile.mkdtemp(prefix="guoxue-", dir=_ELSEWHERE))
    elsewhere.chmod(0o711)
    folder.rmdir()
    folder.symlink_to(elsewhere)
    print(f"{folder.parent} 对其他用户关闭，数据库文件因此放在 {elsewhere}", flush=True)


def _refuse_foreign_data(folder: Path) -> None:
    data = folder / "postgres"
    if os.geteuid() != 0 and data.exists() and data.stat().st_uid != os.geteuid():
        raise ServersFailed(f"{data} 属于另一个用户。请换回那个用户运行，或用 VAR_DIR 另选数据目录。")


def can_enter(folder: Path, account: Account | None) -> bool:
    """Try whether the account can use this folder; asking the system is surer than reading modes and ACLs."""
    command = ["/bin/sh", "-c", 'cd "$1" 2>/dev/null', "sh", str(folder)]
    return subprocess.run(command, cwd="/", check=False, **as_account(account)).returncode == 0


def can_run(program: Path, account: Account | None) -> bool:
    """Try whether the account can run this program."""
    try:
        command = [str(program), "--version"]
        tried = subprocess.run(command, cwd="/", capture_output=True, check=False, **as_account(account))
    except (PermissionError, FileNotFoundError):
        return False
    return tried.returncode == 0


def is_free(port: int) -> bool:
    """Tell whether nobody listens on this port of the loopback interface."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Choose a free port below the range that the system hands out to outgoing connections."""
    for _ in range(100):
        port = secrets.choice(_PORTS)
        if is_free(port):
            return port
    raise ServersFailed("本机找不到空闲端口。")
