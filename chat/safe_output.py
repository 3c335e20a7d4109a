"""Decides what of a model's words a reader may see: stripped of what it may not bring along, cut before a leak."""

from chat.canary import CanaryWatch
from chat.stripping import Stripper


class SafeOutput:
    """Turns the model's deltas into those that are shown; their sum is the reply's final text.

    ``feed`` each delta, ``finish`` once at the end. When ``leaked``, the instructions were about to come out: nothing
    more is shown, and the stream can be ended. The output does not depend on how the text is cut into deltas.
    """

    def __init__(self, canary: str) -> None:
        self._stripper = Stripper()
        self._watch = CanaryWatch(canary)

    @property
    def leaked(self) -> bool:
        """Tell whether the output was cut."""
        return self._watch.leaked

    def feed(self, delta: str) -> str:
        """Take the next piece of text and return what may be shown of it and of what was kept back."""
        return "" if self.leaked else self._watch.feed(self._stripper.feed(delta))

    def finish(self) -> str:
        """Return what was kept back of a text that has ended."""
        return "" if self.leaked else self._watch.feed(self._stripper.finish()) + self._watch.finish()


def safe_output(text: str, canary: str) -> str:
    """Return what a reader may see of a whole text."""
    output = SafeOutput(canary)
    return output.feed(text) + output.finish()
