"""Decides who is asked next after a failure, and how long we wait before: only while nothing has been written."""

import random
from collections.abc import Callable, Sequence

from guoxue.llm.errors import ModelBusy, ModelError, ModelRejected, ModelUnavailable, ProviderPaused
from guoxue.llm.providers import Candidate

_PAUSE_SECONDS = 0.5


class Attempts:
    """Asks every candidate once, in turn, then those whose failure may have passed once more.

    All of it lasts ``patience_seconds`` for each candidate at most, and so does the wait of a 429's Retry-After,
    which matters only when no other candidate has answered meanwhile.
    """

    def __init__(
        self, candidates: Sequence[Candidate], *, patience_seconds: float, clock: Callable[[], float]
    ) -> None:
        self._queue = list(candidates)
        self._again: list[Candidate] | None = []
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._give_up_at = clock() + patience_seconds * len(candidates)
        self._resume_at = 0.0
        self._failure: ModelError = ModelRejected()

    def next(self) -> tuple[Candidate, float, float]:
        """Return whom to ask, when, and the deadline of its first token; raises the last failure when nobody is left."""
        starts_at = self._clock()
        if not self._queue and self._again:
            self._queue, self._again = self._again, None
            starts_at = max(starts_at, self._resume_at)
        if not self._queue or starts_at >= self._give_up_at:
            raise self._failure
        return self._queue.pop(0), starts_at, min(self._give_up_at, starts_at + self._patience_seconds)

    def note(self, candidate: Candidate, failure: ModelError) -> None:
        """Take in a failure; raises it when nobody else would do better with the request."""
        self._failure = failure
        if isinstance(failure, ModelRejected) and failure.blames_request:
            raise failure
        may_pass = isinstance(failure, ModelUnavailable | ModelBusy) and not isinstance(
            failure, ProviderPaused
        )
        if self._again is None or not may_pass:
            return
        pause = failure.retry_after_seconds or _PAUSE_SECONDS * random.uniform(0.75, 1)
        resume_at = self._clock() + pause
        self._resume_at = min(self._resume_at, resume_at) if self._again else resume_at
        self._again.append(candidate)
