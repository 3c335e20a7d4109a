"""The one bridge from the event loop to synchronous services: a whole use case per hop, plain values back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from channels.db import database_sync_to_async
from django.conf import settings

P = ParamSpec("P")
R = TypeVar("R")

# As many threads as database connections; a few of them apart, so that leases are renewed and replies closed
# however many slow questions wait for theirs.
_URGENT_THREADS = 4
_ordinary = ThreadPoolExecutor(settings.DATABASE_POOL_SIZE - _URGENT_THREADS, thread_name_prefix="service")
_urgent = ThreadPoolExecutor(_URGENT_THREADS, thread_name_prefix="urgent")


async def in_thread(service: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a service in a worker thread; without this all sync code of a process would share one thread."""
    result: R = await database_sync_to_async(service, thread_sensitive=False, executor=_ordinary)(
        *args, **kwargs
    )
    return result


async def in_urgent_thread(service: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a service that must not queue behind ordinary ones."""
    result: R = await database_sync_to_async(service, thread_sensitive=False, executor=_urgent)(
        *args, **kwargs
    )
    return result
