"""Decides how answers that many ask for are shared through Redis: computed once, kept for a while, forgotten at a change."""

import logging
import pickle
import random
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import cache
from threading import Lock
from typing import Any, Generic, TypeVar
from uuid import uuid4

from django.conf import settings
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

logger = logging.getLogger(__name__)

T = TypeVar("T")
# Whoever computes holds a lock for so long at most; the others wait for so long, then compute themselves.
LOCK_SECONDS = 15
WAIT_SECONDS = 5.0
POLL_SECONDS = 0.02
# What is kept together does not expire together.
JITTER = 0.1
# While Redis is away everybody computes; it is asked for again after this time.
AWAY_SECONDS = 5.0
TIMEOUT_SECONDS = 1.0
_away_until = 0.0


class SharedCache(Generic[T]):
    """The answers of one kind, by key, for all processes.

    Whoever asks first computes; all who ask meanwhile, in this process or another, wait for that. Redis only saves
    work: while it is away every caller computes for itself. A value that a change has made stale while Redis was away
    lives no longer than ``seconds``. Values are plain data (they are pickled), and None is none.
    """

    def __init__(self, name: str, *, seconds: float) -> None:
        self._name = name
        self._seconds = seconds
        self._flights: dict[tuple[bytes, str], Future[T]] = {}
        self._lock = Lock()

    def get(self, key: str, compute: Callable[[], T]) -> T:
        """Return the value kept under the key, or compute and keep it. Raises what ``compute`` raises."""
        if time.monotonic() < _away_until:
            return compute()
        try:
            generation, kept = self._look(key)
        except (RedisError, OSError) as error:
            _rest(error)
            return compute()
        return self._join(generation, key, compute) if kept is None else kept

    def forget(self) -> None:
        """Have everything of this kind computed anew; to be called once the change is committed."""
        try:
            redis_client().set(self._generation_key, uuid4().hex)
        except (RedisError, OSError) as error:
            logger.warning(
                "cache %s keeps its values for %g s, Redis is away: %s", self._name, self._seconds, error
            )

    @property
    def _generation_key(self) -> str:
        return f"guoxue:shared:{self._name}"

    def _look(self, key: str) -> tuple[bytes, T | None]:
        """Return the generation of now, and the value if it is of this generation."""
        value_key = f"{self._generation_key}:{key}"
        found: list[Any] = redis_client().mget(self._generation_key, value_key)
        generation, kept = found[0] or b"", found[1]
        of_generation, value = pickle.loads(kept) if kept else (None, None)
        return generation, value if of_generation == generation else None

    def _look_again(self, generation: bytes, key: str) -> T | None:
        """Return the value if it is there by now, and nothing has changed since the caller first looked."""
        generation_now, kept = self._look(key)
        return kept if generation_now == generation else None

    def _join(self, generation: bytes, key: str, compute: Callable[[], T]) -> T:
        """Let one thread of this process go for the value, and the others wait for it."""
        with self._lock:
            flight = self._flights.get((generation, key))
            is_first = flight is None
            if flight is None:
                flight = self._flights[generation, key] = Future()
        if not is_first:
            try:
                return flight.result(WAIT_SECONDS)
            except TimeoutError:
                return compute()
        try:
            flight.set_result(self._fly(generation, key, compute))
        except BaseException as error:
            flight.set_exception(error)
        finally:
            with self._lock:
                del self._flights[generation, key]
        return flight.result()

    def _fly(self, generation: bytes, key: str, compute: Callable[[], T]) -> T:
        """Compute and keep the value, or wait for the process that does."""
        lock_key = f"{self._generation_key}:{key}:lock:{generation.decode()}"
        try:
            if not self._take(lock_key):
                return compute()
            # The one before may have had the lock until a moment ago.
            kept = self._look_again(generation, key)
        except (RedisError, OSError) as error:
            _rest(error)
            return compute()
        try:
            value = compute() if kept is None else kept
            if kept is None:
                self._keep(generation, key, value)
            return value
        finally:
            self._release(lock_key)

    def _take(self, lock_key: str) -> bool:
        """Wait for the lock, which whoever computes gives back; False after too long."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not redis_client().set(lock_key, 1, ex=LOCK_SECONDS, nx=True):
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS)
        return True

    def _keep(self, generation: bytes, key: str, value: T) -> None:
        life = round(1000 * self._seconds * random.uniform(1 - JITTER, 1 + JITTER))
        try:
            kept_as = pickle.dumps((generation, value))
            redis_client().set(f"{self._generation_key}:{key}", kept_as, px=life)
        except (RedisError, OSError) as error:
            _rest(error)

    def _release(self, lock_key: str) -> None:
        try:
            redis_client().delete(lock_key)
        except (RedisError, OSError) as error:
            _rest(error)


def redis_client() -> Redis:
    """Return this process's connections to Redis, which give up quickly: nobody waits long for what saves work."""
    return _client(settings.REDIS_URL)


@cache
def _client(url: str) -> Redis:
    timeout = {"socket_timeout": TIMEOUT_SECONDS, "socket_connect_timeout": TIMEOUT_SECONDS}
    return Redis.from_url(url, retry=Retry(NoBackoff(), 1), **timeout)


def _rest(error: Exception) -> None:
    """Ask nothing of Redis for a while: each try would take as long as its timeout."""
    global _away_until
    _away_until = time.monotonic() + AWAY_SECONDS
    logger.warning("nothing is cached for %g s, Redis is away: %s", AWAY_SECONDS, error)
