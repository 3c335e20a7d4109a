"""Decides where the bundled PostgreSQL and Redis of a data folder are, for whoever wants to connect to them.

This file is imported by the settings and stays cheap; starting and stopping is in ``supervision``.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from guoxue.embedded.processes import is_running_with

STATE_FILE = "servers.json"


@dataclass(frozen=True)
class Servers:
    """The addresses of a running pair; one is empty where the operator brought a server of their own."""

    database_url: str
    redis_url: str


def running_servers(var_dir: Path) -> Servers | None:
    """Return the servers that an instance on this data folder runs now, or None.

    The state file alone proves nothing after an unclean stop: each process must be alive and carry
    the folder's own path in its command line.
    """
    try:
        state = json.loads((var_dir / STATE_FILE).read_text(encoding="utf-8"))
    except (FileNotFoundError, PermissionError):
        return None
    if not all(is_running_with(process["pid"], process["mark"]) for process in state["processes"]):
        return None
    return Servers(database_url=state["database_url"], redis_url=state["redis_url"])
