"""Decides what a command says where it cannot write the file that it was given."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from django.core.management.base import CommandError

Opened = TypeVar("Opened")


@contextmanager
def open_output(path: Path, opening: AbstractContextManager[Opened]) -> Iterator[Opened]:
    """Enter what opens the path for writing; raises ``CommandError`` where that cannot be done."""
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(opening)
        except OSError as error:
            raise unwritable(path, error) from error
        yield opened


def unwritable(path: Path, error: OSError) -> CommandError:
    """Return the error that tells why the file cannot be written."""
    return CommandError(f"无法写入 {path}：{error.strerror}。")
