"""Decides what can stop a launch, in words for the person at the terminal."""


class LaunchFailed(Exception):
    """The product cannot start; the message says why and what to do."""

    def __init__(self, message: str, *, exit_status: int = 1) -> None:
        super().__init__(message)
        self.exit_status = exit_status
