"""Decides when a provider that keeps failing is left alone for a while: for all processes together, through Redis."""

import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import monotonic
from typing import Literal, Protocol, TypeVar

from django.conf import settings
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

# Open after so many failures within the window, if they are at least half of what was asked.
FAILURES = 5
WINDOW_SECONDS = 30
# Left alone for so long; then one request tries, while the others go on leaving it alone.
PAUSE_SECONDS = 15
PROBE_SECONDS = 30
# While Redis is away each process counts for itself, and asks for it again after this time.
REDIS_PAUSE_SECONDS = 5
REDIS_TIMEOUT_SECONDS = 0.5
# Hundreds of requests may come in one instant: they wait for one of these connections, for so long.
REDIS_CONNECTIONS = 20
REDIS_WAIT_SECONDS = 2.0
_KEY = "guoxue:llm-circuit:"
_KEPT_SECONDS = 3600

Admission = Literal["closed", "probe", "open"]
T = TypeVar("T")

# Both scripts are the Circuit below, atomically, by the clock of Redis.
_COMMON = f"""
local clock = redis.call('TIME')
local now = clock[1] + clock[2] / 1000000
local function field(name) return tonumber(redis.call('HGET', KEYS[1], name) or '0') end
local function begin_window()
    if now < field('window_until') then return end
    redis.call('HSET', KEYS[1], 'asked', 0, 'failed', 0, 'window_until', now + {WINDOW_SECONDS})
    redis.call('EXPIRE', KEYS[1], {_KEPT_SECONDS})
end
"""
_ADMIT = f"""{_COMMON}
if field('open_until') > 0 then
    if now < field('open_until') or now < field('probe_until') then return 'open' end
    redis.call('HSET', KEYS[1], 'probe_until', now + {PROBE_SECONDS})
    return 'probe'
end
begin_window()
redis.call('HINCRBY', KEYS[1], 'asked', 1)
return 'closed'
"""
_FAIL = f"""{_COMMON}
if field('open_until') > 0 and ARGV[1] ~= 'probe' then return end
if ARGV[1] ~= 'probe' then
    begin_window()
    local failed = redis.call('HINCRBY', KEYS[1], 'failed', 1)
    if failed < {FAILURES} or failed * 2 < field('asked') then return end
end
redis.call('HSET', KEYS[1], 'open_until', now + {PAUSE_SECONDS}, 'probe_until', 0)
redis.call('EXPIRE', KEYS[1], {_KEPT_SECONDS})
"""


@dataclass
class Circuit:
    """What one process knows of a provider; times are those of the clock that the caller gives."""

    asked: int = 0
    failed: int = 0
    window_until: float = 0.0
    open_until: float = 0.0
    probe_until: float = 0.0

    def admit(self, now: float) -> Admission:
        """Count a request, or tell that the provider is left alone."""
        if self.open_until:
            if now < self.open_until or now < self.probe_until:
                return "open"
            self.probe_until = now + PROBE_SECONDS
            return "probe"
        self._begin_window(now)
        self.asked += 1
        return "closed"

    def fail(self, now: float, admission: Admission) -> None:
        """Count a failure; that of a probe opens the circuit again."""
        if self.open_until and admission != "probe":
            return
        self._begin_window(now)
        self.failed += 1
        if admission == "probe" or (self.failed >= FAILURES and self.failed * 2 >= self.asked):
            self.open_until, self.probe_until = now + PAUSE_SECONDS, 0.0

    def _begin_window(self, now: float) -> None:
        if now >= self.window_until:
            self.asked, self.failed, self.window_until = 0, 0, now + WINDOW_SECONDS


class _Script(Protocol):
    def __call__(self, keys: list[str], args: list[str]) -> Awaitable[bytes | None]: ...


class Circuits:
    """The circuit of each provider; belongs to one event loop."""

    def __init__(self, *, clock: Callable[[], float] = monotonic) -> None:
        connections = BlockingConnectionPool.from_url(
            settings.REDIS_URL,
            max_connections=REDIS_CONNECTIONS,
            timeout=REDIS_WAIT_SECONDS,
            socket_timeout=REDIS_TIMEOUT_SECONDS,
            socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
            retry=Retry(NoBackoff(), 0),
        )
        self._redis = Redis.from_pool(connections)
        self._admit: _Script = self._redis.register_script(_ADMIT)
        self._fail: _Script = self._redis.register_script(_FAIL)
        self._clock = clock
        self._local: defaultdict[str, Circuit] = defaultdict(Circuit)
        self._redis_away_until = 0.0

    async def admit(self, provider: str) -> Admission:
        """Tell whether to ask the provider: "closed" is yes, "probe" yes as the one that tries, "open" no."""
        answer = await self._shared(lambda: self._admit(keys=[_KEY + provider], args=[]))
        if answer is None:
            return self._local[provider].admit(self._clock())
        return "closed" if answer == b"closed" else "probe" if answer == b"probe" else "open"

    async def fail(self, provider: str, admission: Admission) -> None:
        """Count a failure of an admitted request."""
        self._local[provider].fail(self._clock(), admission)
        await self._shared(lambda: self._fail(keys=[_KEY + provider], args=[admission]))

    async def succeed(self, provider: str) -> Admission:
        """Close the circuit again, since a probe has been answered."""
        self._local.pop(provider, None)
        await self._shared(lambda: self._redis.delete(_KEY + provider))
        return "closed"

    async def aclose(self) -> None:
        """Close the connections to Redis."""
        await self._redis.aclose()

    async def _shared(self, command: Callable[[], Awaitable[T]]) -> T | None:
        """Run a command in Redis; None while it is away."""
        if self._clock() < self._redis_away_until:
            return None
        try:
            return await command()
        except (RedisError, OSError) as error:
            logger.warning("circuits are local for %d s, Redis is away: %s", REDIS_PAUSE_SECONDS, error)
            self._redis_away_until = self._clock() + REDIS_PAUSE_SECONDS
            return None
