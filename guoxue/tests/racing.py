"""Runs jobs at the same moment, each in a thread with its own database connection."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import IntegrityError, connection

from guoxue.errors import ApplicationError

PATIENCE_SECONDS = 20


def run_together(jobs: Sequence[Callable[[], Any]]) -> list[Any]:
    """Start all jobs at one barrier and return, in order, what each returned, was refused or collided with.

    A refusal is an ApplicationError, a collision an IntegrityError; everything else is a bug and is raised.
    """
    barrier = threading.Barrier(len(jobs))

    def run(job: Callable[[], Any]) -> Any:
        try:
            barrier.wait(PATIENCE_SECONDS)
            return job()
        except (ApplicationError, IntegrityError) as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=len(jobs)) as pool:
        return list(pool.map(run, jobs))


def winners(results: Sequence[Any]) -> list[Any]:
    """Return what is no refusal. A collision stays in: a count of winners must not hide it."""
    return [result for result in results if not isinstance(result, ApplicationError)]


def meeting_after(function: Callable[..., Any], *, parties: int) -> Callable[..., Any]:
    """Wrap ``function`` so that callers go on only when all have read: the widest window a race can have."""
    barrier = threading.Barrier(parties)

    def wrapped(*args: Any, **options: Any) -> Any:
        result = function(*args, **options)
        barrier.wait(PATIENCE_SECONDS)
        return result

    return wrapped
