"""Decides which searches count as popular: short ones with results, which several people asked in the last days.

Redis counts by day, and forgets; what is lost with it is only the count.
"""

import logging
from datetime import date, timedelta

from django.utils import timezone
from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError

from accounts.lockout import network_of
from guoxue.caching import SharedCache, redis_client
from knowledge.folding import IDEOGRAPHS, fold
from knowledge.retrieval.hits import Hit

logger = logging.getLogger(__name__)

DAYS = 7
# Longer ones may be somebody's own words, shorter ones say nothing.
MOST_CHARACTERS = 12
FEWEST_CHARACTERS = 2
FEWEST_ASKERS = 3
SHOWN_CANDIDATES = 50
# What a day may take of Redis, however many queries are made up.
QUERIES_OF_A_DAY = 5_000
ASKERS_OF_A_QUERY = 1_000
_LIFE_SECONDS = (DAYS + 1) * 86_400
_shared: SharedCache[list[str]] = SharedCache("popular-searches", seconds=300)

# Counts an asker of a query once a day; returns how many there were today before and after.
_COUNT = f"""
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not known and redis.call('ZCARD', KEYS[1]) >= {QUERIES_OF_A_DAY} then return 0 end
if redis.call('SCARD', KEYS[2]) >= {ASKERS_OF_A_QUERY} then return 0 end
if redis.call('SADD', KEYS[2], ARGV[2]) == 0 then return 0 end
redis.call('ZINCRBY', KEYS[1], 1, ARGV[1])
redis.call('EXPIRE', KEYS[1], {_LIFE_SECONDS})
redis.call('EXPIRE', KEYS[2], {_LIFE_SECONDS})
return 1
"""
# How many there are in all sets together; the askers themselves stay in Redis.
_COUNT_TOGETHER = "return #redis.call('SUNION', unpack(KEYS))"


def note_search(query: str, *, hits: list[Hit], address: str | None) -> None:
    """Count a search towards the popular ones, if it found anything literally; of the asker a keyed hash is kept.

    A query that several people have asked by now is shown at once, the order of all within minutes.
    """
    folded = fold(query)
    if address is None or not _is_countable(query, folded) or not any(hit.matched for hit in hits):
        return
    asker = salted_hmac("knowledge.popular", network_of(address)).hexdigest()[:16]
    today = timezone.localdate()
    try:
        keys = [_day_key(today), _askers_key(today, folded)]
        is_new = redis_client().eval(_COUNT, len(keys), *keys, folded, asker)
        if is_new and _askers_of([folded])[folded] == FEWEST_ASKERS:
            _shared.forget()
    except (RedisError, OSError) as error:
        logger.warning("a search was not counted, Redis is away: %s", error)


def popular_searches() -> list[str]:
    """Return the folded queries that at least ``FEWEST_ASKERS`` people asked lately, the most asked first."""
    try:
        return _shared.get("lately", _read)
    except (RedisError, OSError) as error:
        logger.warning("there are no popular searches, Redis is away: %s", error)
        return []


def _is_countable(query: str, folded: str) -> bool:
    """Tell whether a query is short, and of ideographs alone: no number, no address, no name in letters."""
    is_short = FEWEST_CHARACTERS <= len(folded) <= MOST_CHARACTERS
    others = IDEOGRAPHS.sub("", query)
    return is_short and not any(character.isalnum() for character in others)


def _read() -> list[str]:
    totals: dict[str, float] = {}
    with redis_client().pipeline(transaction=False) as commands:
        for day in _days():
            commands.zrevrange(_day_key(day), 0, SHOWN_CANDIDATES - 1, withscores=True)
        for rows in commands.execute():
            for query, score in rows:
                totals[query.decode()] = totals.get(query.decode(), 0) + score
    candidates = [query for query, total in totals.items() if total >= FEWEST_ASKERS]
    askers = _askers_of(candidates)
    shown = [query for query in candidates if askers[query] >= FEWEST_ASKERS]
    return sorted(shown, key=lambda query: (-askers[query], query))[:SHOWN_CANDIDATES]


def _askers_of(queries: list[str]) -> dict[str, int]:
    """Return how many asked each query on any of the last days: the same person on several days is one."""
    days = _days()
    with redis_client().pipeline(transaction=False) as commands:
        for query in queries:
            commands.eval(_COUNT_TOGETHER, len(days), *(_askers_key(day, query) for day in days))
        return dict(zip(queries, commands.execute(), strict=True))


def _days() -> list[date]:
    today = timezone.localdate()
    return [today - timedelta(days=back) for back in range(DAYS)]


def _day_key(day: date) -> str:
    return f"guoxue:searched:{day.isoformat()}"


def _askers_key(day: date, query: str) -> str:
    return f"{_day_key(day)}:{query}"
