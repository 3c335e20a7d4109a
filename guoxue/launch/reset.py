"""Decides what ``bin/run --reset`` deletes: what this product wrote, by name, and nothing else."""

import shutil
from pathlib import Path

from guoxue.embedded.place import remove_place
from guoxue.launch.options import Options

_FOLDERS = ("media", "static", "log")
_FILES = ("secret_key", "servers.json", "celerybeat-schedule")


def delete_data(options: Options) -> None:
    """Delete the data of this folder, whose lock we hold; servers of the operator's own are never touched."""
    print(f"▸ 删除 {options.var_dir} 下的数据：用户、会话、账本、典籍、上传的文件与日志", flush=True)
    if not options.with_postgres:
        print("  DATABASE_URL 指向的数据库不会改动。", flush=True)
    remove_place(options.var_dir)
    for name in _FOLDERS:
        shutil.rmtree(options.var_dir / name, ignore_errors=True)
    for name in _FILES:
        _delete_file(options.var_dir / name)


def _delete_file(path: Path) -> None:
    for found in path.parent.glob(f"{path.name}*"):
        found.unlink()
