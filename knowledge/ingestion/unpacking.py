"""Decides how an uploaded file becomes a folder that can be read: as it is, or what a zip archive holds."""

import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import IO

from knowledge.errors import CorpusFileRefused
from knowledge.formats import Source, discover, left_out
from knowledge.formats.archive import open_archive
from knowledge.formats.file_names import decode_name

ARCHIVE_SUFFIX = ".zip"
_UTF8_NAMES = 0x800


@dataclass(frozen=True)
class Upload:
    """What an upload holds: sources, and files in no known format by their paths in the archive."""

    sources: list[Source]
    left_out: tuple[str, ...] = ()


@contextmanager
def unpacked(file: IO[bytes], name: str) -> Iterator[Upload]:
    """Yield what an upload holds; it lies in a folder of its own as long as the block lasts.

    Raises ``CorpusFileRefused`` for an archive that is damaged, too large, or holds nothing that can be read.
    """
    with TemporaryDirectory(prefix="guoxue-upload-") as folder:
        place = Path(folder)
        path = place / PurePosixPath(name).name
        with path.open("wb") as copy:
            shutil.copyfileobj(file, copy)
        if path.suffix.lower() != ARCHIVE_SUFFIX:
            yield Upload(discover([path]))
            return
        inside = place / "archive" / path.stem
        inside.mkdir(parents=True)
        _extract(path, inside)
        sources = discover([inside])
        if not sources:
            raise CorpusFileRefused("压缩包里没有可以导入的文件。")
        others = left_out([inside], sources)
        yield Upload(sources, tuple(each.relative_to(inside).as_posix() for each in others))


def _extract(path: Path, folder: Path) -> None:
    """Write the archive's files below the folder; a name that leads elsewhere is refused."""
    with open_archive(path, "ZIP") as archive:
        for member in archive.members:
            name = PurePosixPath(_true_name(member).replace("\\", "/"))
            if name.is_absolute() or ".." in name.parts:
                raise CorpusFileRefused(f"压缩包里的文件名 {member.filename} 不合法。")
            _write(folder / name, archive.read(member.filename))


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise CorpusFileRefused(f"压缩包里的 {path.name} 无法解压：{error.strerror}。") from error


def _true_name(member: zipfile.ZipInfo) -> str:
    """Return the file's name; those that do not say their encoding were mostly written on Chinese Windows."""
    if member.flag_bits & _UTF8_NAMES:
        return member.filename
    return decode_name(member.filename.encode("cp437"))
