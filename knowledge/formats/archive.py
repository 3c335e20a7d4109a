"""Decides how much of a zip archive is read: bounded in members and bytes, whatever its directory claims."""

import lzma
import posixpath
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO
from urllib.parse import unquote

from knowledge.errors import CorpusFileRefused

MAX_MEMBERS = 20_000
MAX_MEMBER_BYTES = 64 * 1024 * 1024
MAX_TOTAL_BYTES = 512 * 1024 * 1024
_DAMAGES = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    NotImplementedError,
    ValueError,
)


class Archive:
    """An open archive; members are read into memory, never unpacked to disk."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._read_bytes = 0
        if len(archive.infolist()) > MAX_MEMBERS:
            raise CorpusFileRefused(f"压缩包里的文件超过 {MAX_MEMBERS} 个。")
        if any(member.flag_bits & 0x1 for member in archive.infolist()):
            raise CorpusFileRefused("文件有密码保护，请先解除。")

    def __contains__(self, name: str) -> bool:
        return name in self._archive.NameToInfo

    @property
    def members(self) -> list[zipfile.ZipInfo]:
        """The files in the archive, without its folders."""
        return [member for member in self._archive.infolist() if not member.is_dir()]

    def read(self, name: str) -> bytes:
        """Return a member's content; raises ``CorpusFileRefused`` if it is not there, damaged or too large."""
        if name not in self:
            raise CorpusFileRefused(f"压缩包里缺少 {name}。")
        try:
            with self._archive.open(name) as member:
                content = member.read(MAX_MEMBER_BYTES + 1)
        except _DAMAGES as error:
            raise CorpusFileRefused(f"压缩包里的 {name} 已损坏。") from error
        self._read_bytes += len(content)
        if len(content) > MAX_MEMBER_BYTES or self._read_bytes > MAX_TOTAL_BYTES:
            raise CorpusFileRefused(f"解压后过大（{name}），可能是压缩炸弹，已停止。")
        return content

    def stream(self, name: str) -> IO[bytes]:
        """Return a member's content as a stream."""
        return BytesIO(self.read(name))


@contextmanager
def open_archive(path: Path, kind: str) -> Iterator[Archive]:
    """Open an archive of the kind (EPUB, DOCX); raises ``CorpusFileRefused`` for what is none."""
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise CorpusFileRefused(f"不是完好的 {kind} 文件。") from error
    with archive:
        yield Archive(archive)


def resolve(base: str, reference: str) -> tuple[str, str]:
    """Return the member that ``reference`` names as seen from the member ``base``, and its fragment."""
    path, _hash, fragment = reference.partition("#")
    if not path:
        return base, unquote(fragment)
    return posixpath.normpath(posixpath.join(posixpath.dirname(base), unquote(path))), unquote(fragment)
