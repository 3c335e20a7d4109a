"""Decides what can stop the bundled servers from running, in words for the person at the terminal."""


class ServersFailed(Exception):
    """The bundled servers cannot run; the message says why and what to do."""

    exit_status = 1


class AlreadyRunning(ServersFailed):
    """Another instance holds this data folder."""

    exit_status = 2
