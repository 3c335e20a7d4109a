"""Decides which word list this process goes by: the operators' active words, as they were a moment ago."""

import threading
import uuid
from dataclasses import dataclass
from time import monotonic

from chat.models import SensitiveWord, WordListVersion
from chat.moderation.words import Word, WordList

# How old the list may be. The look is one row by its primary key.
LOOK_SECONDS = 2.0


@dataclass(frozen=True)
class _Loaded:
    words: WordList
    version: uuid.UUID | None


class _Current:
    """The list of this process; looked after by whichever thread asks first, while the others go by the last one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: _Loaded | None = None
        self._look_at = 0.0

    def get(self) -> WordList:
        loaded = self._loaded
        if loaded is None:
            with self._lock:
                return self._look().words
        if monotonic() < self._look_at or not self._lock.acquire(blocking=False):
            return loaded.words
        try:
            return self._look().words
        finally:
            self._lock.release()

    def _look(self) -> _Loaded:
        """Load the list again if it has changed. The version is read first: a list is never taken for a newer one."""
        if self._loaded is not None and monotonic() < self._look_at:
            return self._loaded
        version = WordListVersion.objects.values_list("version", flat=True).first()
        if self._loaded is None or self._loaded.version != version:
            self._loaded = _Loaded(load_words(), version)
        self._look_at = monotonic() + LOOK_SECONDS
        return self._loaded


_current = _Current()


def current_words() -> WordList:
    """Return the active words; a change by anybody is seen by every process within ``LOOK_SECONDS``."""
    return _current.get()


def load_words() -> WordList:
    """Read the active words."""
    rows = SensitiveWord.objects.filter(is_active=True).values_list("word", "category", "action")
    return WordList(
        Word(word, category, action == SensitiveWord.Action.BLOCK)
        for word, category, action in rows.iterator()
    )
