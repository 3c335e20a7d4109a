"""Decides in which encoding a text file is written: what decodes strictly and reads most like Chinese."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from knowledge.errors import CorpusFileRefused
from knowledge.folding import is_cjk
from knowledge.formats.plausibility import score

_BLOCK_BYTES = 1 << 20
_SAMPLE_CHARACTERS = 4000
_ASCII = re.compile(r"[\x00-\x7f]+")
# Codec, what people call it, and how much is taken off its score: HKSCS is Big5 with more characters.
_LEGACY = (("gb18030", "GB18030", 0.0), ("cp950", "Big5", 0.0), ("big5hkscs", "Big5-HKSCS", 1.0))
_LABELS = {"utf-8-sig": "UTF-8", "utf-16": "UTF-16"}
# Below this mean score per character a decoding is noise that happens to be valid: measured, text has 1.2
# and more, lists of rare characters about 0, UTF-8 read as GB18030 below -1.1.
_LEAST_MEAN_SCORE = -0.5
# A few characters may all be rare by chance.
_SHORT_TEXT_ALLOWANCE = 12.0
# What a byte that is no UTF-8 takes off, compared with the few points that a common character brings.
_BROKEN_MALUS = 8.0


@dataclass(frozen=True)
class Encoding:
    """A codec of Python, and the name by which people know it."""

    codec: str
    label: str


@dataclass(frozen=True)
class _Failure:
    """The first byte that a codec cannot decode: its offset in the file, and its line."""

    offset: int
    line: int


@dataclass(frozen=True)
class _Nearest:
    """The encoding that came furthest, and where it failed."""

    label: str
    failure: _Failure


def detect_encoding(path: Path) -> Encoding:
    """Return the encoding that decodes the whole file strictly; the file is read through once for each tried.

    UTF-8 and UTF-16 are known by their own form. Between GB18030 and Big5 the more plausible text decides,
    by its most frequent characters. Raises ``CorpusFileRefused`` with byte offset and line.
    """
    with path.open("rb") as file:
        head = file.read(_BLOCK_BYTES)
    is_utf32 = head.startswith(codecs.BOM_UTF32_LE)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not is_utf32:
        return _proven(path, "utf-16")
    if head.startswith(codecs.BOM_UTF8):
        return _proven(path, "utf-8-sig")
    failure = _first_failure(path, "utf-8")
    sample = _sample(head, "utf-8")
    # A few characters of GB18030 may be valid UTF-8 by accident, but then they are no Chinese.
    if failure is None and (not sample or any(map(is_cjk, sample))):
        return Encoding("utf-8", "UTF-8")
    broken = sample.count("\ufffd")
    points = score(sample.replace("\ufffd", ""), "utf-8") - _BROKEN_MALUS * broken
    return _most_plausible(path, head, points, failure)


def _most_plausible(path: Path, head: bytes, utf8_points: float, utf8_failure: _Failure | None) -> Encoding:
    """Choose between GB18030 and Big5: the most plausible of those that decode the whole file.

    If none is, or UTF-8 with its broken bytes is more plausible than the rest, then it is UTF-8 or nothing.
    """
    guesses: list[tuple[float, bool, str, str]] = []
    for codec, label, malus in _LEGACY:
        sample = _sample(head, codec)
        points = score(sample, codec) - malus
        is_text = points >= _LEAST_MEAN_SCORE * len(sample) - _SHORT_TEXT_ALLOWANCE
        guesses.append((points, is_text, codec, label))
    nearest = _Nearest("UTF-8", utf8_failure) if utf8_failure else None
    for points, is_text, codec, label in sorted(guesses, reverse=True):
        if points < utf8_points:
            break
        failure = _first_failure(path, codec)
        if failure is None and is_text:
            return Encoding(codec, label)
        if failure and nearest and failure.offset > nearest.failure.offset:
            nearest = _Nearest(label, failure)
    if nearest is None:
        return Encoding("utf-8", "UTF-8")
    raise _undecodable(nearest.label, nearest.failure)


def _sample(head: bytes, codec: str) -> str:
    """Decode the characters that tell: the first thousands that are not ASCII."""
    text = head.decode(codec, errors="replace" if codec == "utf-8" else "ignore")
    return _ASCII.sub("", text)[:_SAMPLE_CHARACTERS]


def _proven(path: Path, codec: str) -> Encoding:
    failure = _first_failure(path, codec)
    if failure is not None:
        raise _undecodable(_LABELS[codec], failure)
    return Encoding(codec, _LABELS[codec])


def _first_failure(path: Path, codec: str) -> _Failure | None:
    """Decode the whole file block by block; return where it fails, or None."""
    decoder = codecs.getincrementaldecoder(codec)("strict")
    offset = line = 0
    for block, is_last in _blocks(path):
        try:
            text = decoder.decode(block, is_last)
        except UnicodeDecodeError as error:
            # The decoder may have kept the first bytes of a character from the block before.
            kept = len(error.object) - len(block)
            good = bytes(error.object[: error.start]).decode(codec, errors="ignore")
            return _Failure(
                offset - kept + error.start,
                line + good.count("\n") + 1,
            )
        offset += len(block)
        line += text.count("\n")
    return None


def _blocks(path: Path) -> Iterator[tuple[bytes, bool]]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            yield block, False
    yield b"", True


def _undecodable(label: str, failure: _Failure) -> CorpusFileRefused:
    return CorpusFileRefused(
        f"无法确定文件的编码：按 {label} 解读，到第 {failure.line} 行（字节偏移 {failure.offset}）出错。"
        "请检查该处，或另存为 UTF-8 后再导入。"
    )
