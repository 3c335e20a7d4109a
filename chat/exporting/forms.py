"""Decides what every form of an export can do: write conversations into a part, put the parts together as one file."""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol, Self
from uuid import UUID

from django.utils import timezone

from chat.exporting.reading import Conversation
from chat.labels import LABEL, ImplicitLabel, implicit_label
from chat.models import Export
from chat.quote_marks import describe

TITLE = "国学大师 · 对话记录"
BRANCH_NOTE = "每个对话只含当前显示的分支；同一问题的其他版本没有导出。"
_VERDICTS = {"exact": "✓ 原文", "near": "≈ 近似", "not_found": "✗ 未见"}
# Called now and then while a file is written: it says so, and ends the writing when the export is no longer wanted.
Beat = Callable[[], None]


@dataclass(frozen=True)
class Cover:
    """What a file says of itself."""

    export_id: UUID
    made_at: datetime
    session_count: int
    label: str
    implicit: ImplicitLabel

    @classmethod
    def of(cls, export: Export) -> Self:
        """Return the cover of an export, as of now."""
        return cls(export.id, timezone.localtime(), export.total, LABEL, implicit_label(export.id))


class Form(Protocol):
    """One of the forms that an export can have.

    A part holds whole conversations; a file whose writing is broken off goes on after the parts that are there.
    """

    def write_part(
        self,
        path: Path,
        conversations: Iterable[Conversation],
        before: Sequence[Path],
        cover: Cover,
        beat: Beat,
    ) -> None:
        """Write a part that follows on those ``before``; take no more conversations than it shall have."""
        ...

    def assemble(self, parts: Sequence[Path], target: Path, cover: Cover) -> None:
        """Put all the parts together as one file."""
        ...


class TextForm(ABC):
    """A form whose file is a head, the parts one after another, and a foot."""

    FULL_BYTES = 4_000_000
    separator = ""

    @abstractmethod
    def head(self, cover: Cover) -> str:
        """Return what stands before the conversations."""

    @abstractmethod
    def foot(self, cover: Cover) -> str:
        """Return what stands behind the conversations."""

    @abstractmethod
    def pieces(self, conversation: Conversation) -> Iterator[str]:
        """Yield a conversation's text, a message at a time."""

    def write_part(
        self,
        path: Path,
        conversations: Iterable[Conversation],
        before: Sequence[Path],
        cover: Cover,
        beat: Beat,
    ) -> None:
        with path.open("w", encoding="utf-8", newline="\n") as file:
            for conversation in conversations:
                file.write(self.separator if file.tell() else "")
                for piece in self.pieces(conversation):
                    file.write(piece)
                    beat()
                if file.tell() >= self.FULL_BYTES:
                    return

    def assemble(self, parts: Sequence[Path], target: Path, cover: Cover) -> None:
        with target.open("wb") as file:
            file.write(self.head(cover).encode())
            separator = b""
            for part in parts:
                if not part.stat().st_size:
                    continue
                file.write(separator)
                separator = self.separator.encode()
                with part.open("rb") as source:
                    shutil.copyfileobj(source, file)
            file.write(self.foot(cover).encode())


def told_quote(quote: Mapping[str, Any]) -> str:
    """Return the verdict on a quotation in words."""
    return f"{_VERDICTS.get(quote['verdict'], '')}「{' '.join(quote['quote'].split())}」：{describe(quote)}"
