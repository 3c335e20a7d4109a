"""Decides when a server that keeps failing is left alone for a while, so that nobody waits for it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from guoxue.errors import ApplicationError

FAILURES_BEFORE_PAUSE, PAUSE_SECONDS = 3, 30


class CircuitBreaker:
    """Keeps requests from a server that failed some times in a row; after each pause it lets one through.

    A server that hangs would else hold a thread of every search until the timeout. ``failure`` is the error by
    which a request fails, and which the others get at once during the pause.
    """

    def __init__(self, failure: type[ApplicationError]) -> None:
        self._failure = failure
        self._lock = threading.Lock()
        self._failures = 0
        self._paused_until = 0.0

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Watch one attempt, or raise the failure at once while the pause lasts."""
        self._admit()
        try:
            yield
        except self._failure:
            with self._lock:
                self._failures += 1
                self._paused_until = monotonic() + PAUSE_SECONDS
            raise
        except ApplicationError:
            # The server answers, if only to refuse: that holds nobody up.
            self._recover()
            raise
        self._recover()

    def _admit(self) -> None:
        with self._lock:
            if self._failures < FAILURES_BEFORE_PAUSE:
                return
            if monotonic() < self._paused_until:
                raise self._failure
            # The others go on pausing while this one tries.
            self._paused_until = monotonic() + PAUSE_SECONDS

    def _recover(self) -> None:
        with self._lock:
            self._failures = 0
