"""Decides what betrays the instructions: a mark that only the system prompt has, in whatever disguise it comes out."""

import base64
import codecs
import re
import secrets
import string
import unicodedata
from collections.abc import Iterator
from enum import IntEnum
from functools import lru_cache

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
        self._beginnings = _beginnings(canary)
        self._seen = ""
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
            while self._seen not in self._beginnings:
                self._seen = self._seen[1:]
            if self._beginnings[self._seen] is _Suspicion.BETRAYED:
                break
        return self._beginnings[self._seen]


@lru_cache(maxsize=8192)
def _folded(character: str) -> str:
    """Return the plain lower-case Latin letters and digits that a character stands for, if it does."""
    plain = unicodedata.normalize("NFKD", character).lower().translate(_LOOKALIKES)
    return "".join(letter for letter in plain if letter.isascii() and letter.isalnum())


def _beginnings(canary: str) -> dict[str, _Suspicion]:
    """Return every beginning of every disguise with what it is worth."""
    disguises = list(_disguises(canary))
    halves = [(disguise, (len(disguise) + 1) // 2) for disguise in disguises]
    return {
        **{each[:length]: _Suspicion.NONE for each, half in halves for length in range(half)},
        **{each[:length]: _Suspicion.KEPT_BACK for each, half in halves for length in range(half, len(each))},
        **dict.fromkeys(disguises, _Suspicion.BETRAYED),
    }


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
