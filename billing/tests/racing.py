"""Runs jobs at the same moment, each in a thread with its own database connection."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection

PATIENCE_SECONDS = 20


def run_together(jobs: Sequence[Callable[[], Any]]) -> list[Any]:
    """Start all jobs at one barrier and return, in order, what each returned or raised."""
    barrier = threading.Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        try:
            barrier.wait(PATIENCE_SECONDS)
            return job()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=len(jobs)) as pool:
        return list(pool.map(run, jobs))


def meeting_after(function: Callable[..., Any], *, parties: int) -> Callable[..., Any]:
    """Wrap ``function`` so that callers go on only when all have read: the widest window a race can have."""
    barrier = threading.Barrier(parties)

    def wrapped(*args: Any, **options: Any) -> Any:
        result = function(*args, **options)
        barrier.wait(PATIENCE_SECONDS)
        return result

    return wrapped
