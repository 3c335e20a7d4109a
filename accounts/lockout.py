"""Decides when attempts to guess passwords become too many: for one address, and from one network at all."""

import hashlib
import ipaddress
from functools import cache

from django.conf import settings
from redis import Redis
from redis.client import Pipeline

from accounts.errors import LoginThrottled

ATTEMPTS_PER_ADDRESS = 10  # For one address from one network, so that a stranger cannot lock its owner out.
ATTEMPTS_PER_NETWORK = 100  # For all addresses together, so that one password cannot be tried on thousands.
WINDOW_SECONDS = 15 * 60
IPV6_PREFIX = 64  # Whoever has one IPv6 address has its whole /64 (RFC 6177).


def count_attempt(*, email: str, ip: str | None) -> None:
    """Count an attempt before its password is looked at, so that parallel guesses cannot slip through.

    Raises LoginThrottled, until the window that the first attempt opened has passed.
    """
    limits = _limits(email, ip)
    with _redis().pipeline() as commands:
        for key in limits:
            _open_window(commands, key)
            commands.incr(key)
            commands.ttl(key)
        answers = commands.execute()
    counted = zip(answers[1::3], answers[2::3], limits.values(), strict=True)
    waits = [ttl for attempts, ttl, limit in counted if attempts > limit]
    if waits:
        raise LoginThrottled(retry_after_seconds=max(1, *waits))


def forget_attempts(*, email: str, ip: str | None) -> None:
    """After the right password start from zero for this address; for the network this attempt was no guess."""
    address, *networks = _limits(email, ip)
    with _redis().pipeline() as commands:
        commands.delete(address)
        for network in networks:
            _open_window(commands, network)
            commands.decr(network)
        commands.execute()


def network_of(ip: str | None) -> str:
    """Return what stands for one caller: an IPv4 address, or the /64 of an IPv6 address; empty if unknown."""
    if not ip:
        return ""
    address = ipaddress.ip_address(ip)
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, IPV6_PREFIX), strict=False))


@cache
def _redis() -> Redis:
    return Redis.from_url(settings.REDIS_URL)


def _open_window(commands: Pipeline, key: str) -> None:
    """Begin a count that ends by itself; one that has begun keeps its end (EXPIRE NX is not in Redis 6)."""
    commands.set(key, 0, ex=WINDOW_SECONDS, nx=True)


def _limits(email: str, ip: str | None) -> dict[str, int]:
    """Return the keys to count under, that of the address first, and how many attempts each allows."""
    network = network_of(ip)
    limits = {_key(email, network): ATTEMPTS_PER_ADDRESS}
    return {**limits, _key(network): ATTEMPTS_PER_NETWORK} if network else limits


def _key(*parts: str) -> str:
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    return f"guoxue:login-attempts:{digest}"
