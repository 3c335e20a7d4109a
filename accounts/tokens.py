"""Decides which bearer tokens are good: issued, rotated with reuse detection, revoked; and socket tickets."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.core.cache import cache
from django.db import transaction
from rest_framework_simplejwt.exceptions import ExpiredTokenError, TokenError
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken, Token
from rest_framework_simplejwt.utils import datetime_from_epoch

from accounts.errors import AccountDisabled, TicketInvalid, TokenExpired, TokenInvalid, TokenReused
from accounts.models import User

TICKET_TTL_SECONDS = 30
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
    refresh = _RefreshToken()
    refresh["user_id"] = str(user.pk)
    OutstandingToken.objects.create(
        user=user,
        jti=refresh["jti"],
        token="",
        created_at=refresh.current_time,
        expires_at=datetime_from_epoch(refresh["exp"]),
    )
    return TokenPair(access=str(refresh.access_token), refresh=str(refresh))


def decode_access_token(token: str | bytes) -> AccessToken:
    """Check signature, kind and age. Raises TokenExpired or TokenInvalid."""
    return _decode(AccessToken, token)


def user_of(token: Token) -> User:
    """Return the active user whom the decoded token names. Raises TokenInvalid or AccountDisabled."""
    return _active(User.objects.filter(pk=token.get("user_id")).first())


def authenticate_access_token(token: str | bytes) -> User:
    """Return the user who bears ``token``. Raises TokenExpired, TokenInvalid or AccountDisabled."""
    return user_of(decode_access_token(token))


def rotate_refresh_token(refresh: str) -> tuple[User, TokenPair]:
    """Exchange a refresh token for a new pair; it is worth nothing afterwards.

    Locks the user, so that of two exchanges one wins. A token that comes back after it was exchanged or
    revoked revokes every refresh token of its user (RFC 9700 §4.14.2) and raises TokenReused.
    """
    token = _decode(_RefreshToken, refresh)
    pair: TokenPair | None = None
    with transaction.atomic(durable=True):
        user = _active(User.objects.select_for_update(no_key=True).filter(pk=token.get("user_id")).first())
        record = OutstandingToken.objects.filter(jti=token["jti"], user=user).first()
        if record is None:
            raise TokenInvalid
        _, first_use = BlacklistedToken.objects.get_or_create(token=record)
        if first_use:
            pair = issue_tokens(user)
        else:
            revoke_refresh_tokens(user)
    if pair is None:
        raise TokenReused
    return user, pair


def revoke_refresh_token(refresh: str) -> None:
    """Make one refresh token worthless; an expired or revoked one already is. Raises TokenInvalid."""
    try:
        token = _decode(_RefreshToken, refresh)
    except TokenExpired:
        return
    record = OutstandingToken.objects.filter(jti=token["jti"]).first()
    if record is not None:
        BlacklistedToken.objects.get_or_create(token=record)


def revoke_refresh_tokens(user: User) -> int:
    """Make every outstanding refresh token of ``user`` worthless and return how many there were."""
    records = OutstandingToken.objects.filter(user=user, blacklistedtoken__isnull=True)
    revoked = [BlacklistedToken(token=record) for record in records]
    BlacklistedToken.objects.bulk_create(revoked, ignore_conflicts=True)
    return len(revoked)


def forget_expired_tokens(now: datetime) -> int:
    """Delete the records of refresh tokens that have expired by themselves."""
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
