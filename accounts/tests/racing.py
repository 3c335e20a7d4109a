"""Runs the same call in several threads at the same moment, for tests of races."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from django.db import connection

from guoxue.errors import ApplicationError


def run_at_once(call: Callable[[], Any], threads: int = 2) -> list[Any]:
    """Return what each thread's call returned, or the ApplicationError that it raised."""
    start = Barrier(threads)

    def run() -> Any:
        start.wait(timeout=10)
        try:
            return call()
        except ApplicationError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(threads) as pool:
        return [future.result(timeout=30) for future in [pool.submit(run) for _ in range(threads)]]


def winners(results: list[Any]) -> list[Any]:
    """Return the results that are not refusals."""
    return [result for result in results if not isinstance(result, ApplicationError)]
