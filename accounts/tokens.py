"""Decides which bearer tokens are good: issued, rotated with reuse detection, revoked; and socket tickets."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4, uuid5

from django.core.cache import cache
from django.db import transaction
from django.utils import timezone
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token

from accounts.errors import AccountDisabled, TicketInvalid, TokenExpired, TokenInvalid, TokenReused
from accounts.models import User
from guoxue.rows import PreparedLookup

TICKET_TTL_SECONDS = 30
RETRY_SECONDS = 10
Kind = TypeVar("Kind", bound=Token)


@dataclass(frozen=True)
class TokenPair:
    """What a client keeps: a short-lived access token, and the refresh token that buys the next pair."""

    access: str
    refresh: str


class _RefreshToken(RefreshToken):
    """A refresh token whose blacklist is read under our lock instead of while decoding."""

    def check_blacklist(self) -> None:
        return None


def issue_tokens(user: User) -> TokenPair:
    """Sign a new pair for ``user`` and remember the refresh token's id, never the token itself."""
    return _sign(_remember(user, uuid4()))


def decode_access_token(token: str | bytes) -> AccessToken:
    """Check signature, kind and age. Raises TokenExpired or TokenInvalid."""
    return _decode(AccessToken, token)


_user_by_id = PreparedLookup(lambda user_id: User.objects.filter(pk=user_id).order_by())


def user_of(token: Token) -> User:
    """Return the active user whom the decoded token names. Raises TokenInvalid or AccountDisabled."""
    return _active(_user_by_id.row(user_id=token.get("user_id")))


def authenticate_access_token(token: str | bytes) -> User:
    """Return the user who bears ``token``. Raises TokenExpired, TokenInvalid or AccountDisabled."""
    return user_of(decode_access_token(token))


def rotate_refresh_token(refresh: str) -> tuple[User, TokenPair]:
    """Exchange a refresh token for a new pair; it is worth nothing afterwards.

    Locks the user. A token that comes back after it was exchanged revokes every refresh token of its user and
    raises TokenReused (refresh token rotation, RFC 9700 §4.14.2). The grace is ours, not the standard's: within
    ``RETRY_SECONDS``, and while nobody has used its successor, the answer was probably lost on the way, so a
    new pair is signed for the same successor; a thief who is that quick is found out when both exchange it.
    A token that was revoked has no record any more and is merely invalid.
    """
    token = _decode(_RefreshToken, refresh)
    with transaction.atomic(durable=True):
        user = _active(_lock(token.get("user_id")))
        record = OutstandingToken.objects.filter(jti=token["jti"], user=user).first()
        if record is None:
            raise TokenInvalid
        exchanged, first_use = BlacklistedToken.objects.get_or_create(token=record)
        successor = _remember(user, _successor_id(record)) if first_use else _successor_to_repeat(exchanged)
        if successor is None:
            revoke_refresh_tokens(user)
    if successor is None:
        raise TokenReused
    return user, _sign(successor)


def revoke_refresh_token(refresh: str) -> None:
    """Make one refresh token worthless; an expired or revoked one already is. Raises TokenInvalid.

    Locks the user. The record of a token that was exchanged stays: it is what gives a thief away.
    """
    try:
        token = _decode(_RefreshToken, refresh)
    except TokenExpired:
        return
    with transaction.atomic(durable=True):
        _lock(token.get("user_id"))
        OutstandingToken.objects.filter(jti=token["jti"], blacklistedtoken__isnull=True).delete()


def revoke_refresh_tokens(user: User) -> int:
    """Make every refresh token of ``user`` worthless and return how many still worked.

    A step of the caller's transaction that locks the user, so that no exchange under way escapes. The records
    go, those of exchanged tokens too: where nothing is left to steal, a token that comes back is no alarm.
    """
    with transaction.atomic(savepoint=False):
        _lock(user.pk)
        records = OutstandingToken.objects.filter(user=user)
        alive = records.filter(blacklistedtoken__isnull=True).count()
        records.delete()
    return alive


def forget_expired_tokens(now: datetime) -> int:
    """Delete the records of refresh tokens that have expired; until then exchanged ones give a thief away."""
    return OutstandingToken.objects.filter(expires_at__lt=now).delete()[0]


def issue_ticket(user: User) -> str:
    """Return a ticket that opens one WebSocket for ``user`` within ``TICKET_TTL_SECONDS``."""
    ticket = secrets.token_urlsafe(32)
    cache.set(_ticket_key(ticket), str(user.pk), TICKET_TTL_SECONDS)
    return ticket


def redeem_ticket(ticket: str) -> User:
    """Return the user whom the ticket was issued for, once. Raises TicketInvalid or AccountDisabled."""
    key = _ticket_key(ticket)
    user_id = cache.get(key)
    # Redis tells one caller only that it deleted the key, so of two redemptions one wins.
    if user_id is None or not cache.delete(key):
        raise TicketInvalid
    return _active(User.objects.filter(pk=user_id).first())


def _ticket_key(ticket: str) -> str:
    return f"ws-ticket:{hashlib.sha256(ticket.encode()).hexdigest()}"


def _remember(user: User, token_id: UUID) -> OutstandingToken:
    now = timezone.now()
    return OutstandingToken.objects.create(
        user=user, jti=token_id.hex, token="", created_at=now, expires_at=now + _RefreshToken.lifetime
    )


def _sign(record: OutstandingToken) -> TokenPair:
    refresh = _RefreshToken()
    refresh["jti"] = record.jti
    refresh["user_id"] = str(record.user_id)
    refresh.set_exp(from_time=record.created_at)
    return TokenPair(access=str(refresh.access_token), refresh=str(refresh))


def _successor_id(record: OutstandingToken) -> UUID:
    """Derive the id of the token that replaces this one; it may be known, as only the signature is secret."""
    return uuid5(UUID(hex=record.jti), "successor")


def _successor_to_repeat(exchanged: BlacklistedToken) -> OutstandingToken | None:
    """Return the successor of a token that was exchanged just now, unless somebody has used it."""
    if exchanged.blacklisted_at < timezone.now() - timedelta(seconds=RETRY_SECONDS):
        return None
    jti = _successor_id(exchanged.token).hex
    return OutstandingToken.objects.filter(jti=jti, blacklistedtoken__isnull=True).first()


def _lock(user_id: Any) -> User | None:
    """Make exchanges and revocations of one user's tokens wait for each other until the transaction ends."""
    return User.objects.select_for_update(no_key=True).filter(pk=user_id).first()


def _decode(kind: type[Kind], token: str | bytes) -> Kind:
    try:
        return kind(token)  # type: ignore[arg-type]  # The library means an encoded token, and says so there.
    except ExpiredTokenError:
        raise TokenExpired from None
    except (TokenError, UnicodeError):
        raise TokenInvalid from None


def _active(user: User | None) -> User:
    if user is None:
        raise TokenInvalid
    if not user.is_active:
        raise AccountDisabled
    return user
