"""Decides what betrays the instructions: a mark that only the system prompt has, in whatever disguise it comes out."""

import base64
import codecs
import re
import secrets
import string
import unicodedata
from bisect import bisect_left
from collections.abc import Iterator
from enum import IntEnum
from functools import cached_property, lru_cache

CANARY_LETTERS = 16
# Eight letters of it in a row betray it, four keep text back: neither comes about by chance. With a window at every
# fourth letter no more than ten of the sixteen can come out.
_WINDOW_LETTERS = 8
_WINDOW_STRIDE = 4
# Text without letters and digits of any script that folds to Latin ones: it can be passed on at once.
_IDEOGRAPHIC = re.compile(r"[\s\u3000-\u303f\u3400-\u9fff，。！？：；、（）「」『』《》“”‘’…—·*>#\[\]-]*")
# Cyrillic and Greek letters that look like Latin ones.
_LOOKALIKES = str.maketrans("аеорсухіјѕԁһԛԝѵαοερνικτ", "aeopcyxijsdhqwvaoepvikt")


class _Suspicion(IntEnum):
    NONE = 0
    KEPT_BACK = 1
    BETRAYED = 2


def new_canary() -> str:
    """Return a canary for one reply: random letters, never the same twice."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(CANARY_LETTERS))


class CanaryWatch:
    """Passes a text on and cuts it before a canary: also spaced, reversed, split, full-width, base64, hex, ROT13.

    Letters and digits are compared, folded; whatever stands between them is looked past. What may yet become the
    canary is kept back from its fourth letter on, so that ordinary text is not delayed. Once ``leaked``, nothing more
    comes out. The output does not depend on how the text is cut into deltas; time is linear.
    """

    def __init__(self, canary: str) -> None:
        self.leaked = False
        self._canary = canary
        self._seen = ""
        self._suspicion = _Suspicion.NONE
        self._worths: dict[str, _Suspicion | None] = {"": _Suspicion.NONE}
        self._held: list[str] = []

    def feed(self, delta: str) -> str:
        """Take the next piece of text and return what may be shown."""
        if self.leaked:
            return ""
        if not self._held and _IDEOGRAPHIC.fullmatch(delta):
            return delta
        shown: list[str] = []
        for character in delta:
            suspicion = self._suspicion_at(character)
            if suspicion is _Suspicion.BETRAYED:
                self.leaked = True
                break
            self._held.append(character)
            if suspicion is _Suspicion.NONE:
                shown += self._held
                self._held.clear()
        return "".join(shown)

    def finish(self) -> str:
        """Return what was kept back of a text that has ended."""
        rest = "" if self.leaked else "".join(self._held)
        self._held.clear()
        return rest

    def _suspicion_at(self, character: str) -> _Suspicion:
        """Move on to the longest beginning of a disguise that the text ends with; ``""`` is always one."""
        for letter in _folded(character):
            self._seen += letter
            while (suspicion := self._known_worth(self._seen)) is None:
                self._seen = self._seen[1:]
            self._suspicion = suspicion
            if suspicion is _Suspicion.BETRAYED:
                break
        return self._suspicion

    def _known_worth(self, beginning: str) -> _Suspicion | None:
        """Look once for each beginning: ordinary text has few of them, again and again."""
        if beginning not in self._worths:
            self._worths[beginning] = self._worth(beginning)
        return self._worths[beginning]

    def _worth(self, beginning: str) -> _Suspicion | None:
        """Return what the beginning of a disguise is worth: kept back from its middle on; None if none begins so."""
        first = bisect_left(self._disguises, beginning)
        end = first
        while end < len(self._disguises) and self._disguises[end].startswith(beginning):
            end += 1
        if end == first:
            return None
        # In the order of the alphabet what is a whole disguise comes first.
        if self._disguises[first] == beginning:
            return _Suspicion.BETRAYED
        shortest = min(map(len, self._disguises[first:end]))
        return _Suspicion.KEPT_BACK if len(beginning) >= (shortest + 1) // 2 else _Suspicion.NONE

    @cached_property
    def _disguises(self) -> list[str]:
        """All disguises in the order of the alphabet; a text of ideographs alone never asks for them."""
        return sorted(_disguises(self._canary))


@lru_cache(maxsize=8192)
def _folded(character: str) -> str:
    """Return the plain lower-case Latin letters and digits that a character stands for, if it does."""
    plain = unicodedata.normalize("NFKD", character).lower().translate(_LOOKALIKES)
    return "".join(letter for letter in plain if letter.isascii() and letter.isalnum())


def _disguises(canary: str) -> Iterator[str]:
    for start in range(0, len(canary) - _WINDOW_LETTERS + 1, _WINDOW_STRIDE):
        window = canary[start : start + _WINDOW_LETTERS]
        for spelled in (window, window[::-1]):
            yield spelled
            yield codecs.encode(spelled, "rot13")
            for cased in (spelled, spelled.upper()):
                yield from _in_base64(cased.encode())
                yield from _in_numbers(cased)


def _in_base64(data: bytes) -> Iterator[str]:
    """Return the characters that encode the data alone, for each way in which it may lie in a longer text.

    Six bits a character: where the data is preceded by bytes, the characters that these share are left out.
    """
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + data + bytes(3)).decode()
        yield encoded[-(-8 * before // 6) : 8 * (before + len(data)) // 6].lower()


def _in_numbers(spelled: str) -> Iterator[str]:
    """Return the letters as numbers of characters, as in ``%61``, ``&#97;``, ``\\x61``, ``0x61``, ``U+0061``, 01100001."""
    for form in ("{:02x}", "{:d}", "x{:02x}", "0x{:02x}", "u{:04x}", "{:08b}"):
        yield "".join(form.format(ord(letter)) for letter in spelled)
