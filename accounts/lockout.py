"""Decides when wrong passwords become too many: ten for one address from one place within 15 minutes."""

import hashlib
import time

from django.core.cache import cache

from accounts.errors import LoginThrottled

MAX_FAILURES = 10
WINDOW_SECONDS = 15 * 60


def count_attempt(*, email: str, ip: str | None) -> None:
    """Count an attempt before its password is looked at, so that parallel guesses cannot slip through.

    Raises LoginThrottled, until the window that the first attempt opened has passed.
    """
    key = _key(email, ip)
    now = time.time()
    cache.add(f"{key}:until", now + WINDOW_SECONDS, WINDOW_SECONDS)
    cache.add(key, 0, WINDOW_SECONDS)
    try:
        attempts = cache.incr(key)
    except ValueError:  # The window closed between the two commands.
        return
    if attempts <= MAX_FAILURES:
        return
    until = cache.get(f"{key}:until")
    if until is None:  # A counter that outlived its window must not lock anybody out for ever.
        forget_attempts(email=email, ip=ip)
        return
    raise LoginThrottled(max(1, round(until - now)))


def forget_attempts(*, email: str, ip: str | None) -> None:
    """Start from zero after the right password."""
    key = _key(email, ip)
    cache.delete_many([key, f"{key}:until"])


def _key(email: str, ip: str | None) -> str:
    digest = hashlib.sha256(f"{email}\n{ip or ''}".encode()).hexdigest()
    return f"login-failures:{digest}"
