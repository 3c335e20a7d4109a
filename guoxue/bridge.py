"""The one bridge from the event loop to synchronous services: a whole use case per hop, plain values back."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from channels.db import database_sync_to_async

P = ParamSpec("P")
R = TypeVar("R")


async def in_thread(service: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a service in a worker thread of its own; without that all sync code of a process would share one thread."""
    result: R = await database_sync_to_async(service, thread_sensitive=False)(*args, **kwargs)
    return result
