"""Decides what a command says where it cannot write the file that it was given."""

from pathlib import Path
from typing import TextIO

from django.core.management.base import CommandError


def open_table(path: Path) -> TextIO:
    """Open a CSV for writing, as Excel reads it; raises ``CommandError`` where that cannot be done."""
    try:
        return path.open("w", encoding="utf-8-sig", newline="")
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> CommandError:
    """Return the error that tells why the file cannot be written."""
    return CommandError(f"无法写入 {path}：{error.strerror}。")
