"""Decides how Ctrl-C and SIGTERM end us: the handler only notes the signal, and we look at it in safe places.

An exception raised by a handler may land anywhere, even where Python swallows it: the signal would be lost,
or a process just started forgotten.
"""

import signal
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_noted: list[int] = []


class StopRequested(BaseException):
    """We were asked to stop; every ``finally`` on the way out runs undisturbed."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.exit_status = 128 + number


def note_signals() -> None:
    """From now on, note the signals that ask us to stop."""
    for number in _SIGNALS:
        signal.signal(number, _note)


def take_signals() -> list[int]:
    """Return what was noted since the last call."""
    taken = _noted.copy()
    del _noted[: len(taken)]
    return taken


def stop_if_requested() -> None:
    """Raise StopRequested when a signal was noted; called wherever we wait."""
    for number in take_signals():
        raise StopRequested(number)


def _note(number: int, _frame: FrameType | None) -> None:
    _noted.append(number)
