"""Decides when the next request may go to a server that counts requests and tokens by the minute."""

import threading
from time import monotonic, sleep


class Pacer:
    """Spreads requests over time, so that in no minute more go out than allowed (0: no limit).

    Each request pushes the next one back by its own share of a minute; threads queue in the order they come.
    """

    def __init__(self, *, requests: int, tokens: int) -> None:
        self._seconds_per_request = 60 / requests if requests else 0.0
        self._seconds_per_token = 60 / tokens if tokens else 0.0
        self._lock = threading.Lock()
        self._free_at = 0.0

    def wait(self, *, tokens: int) -> None:
        """Return when a request of so many tokens may be sent."""
        share = max(self._seconds_per_request, tokens * self._seconds_per_token)
        with self._lock:
            starts_at = max(monotonic(), self._free_at)
            self._free_at = starts_at + share
        delay = starts_at - monotonic()
        if delay > 0:
            sleep(delay)
