"""Decides who opens a WebSocket: by header, subprotocol, ticket or query token, looked for in this order."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from accounts.models import User
from accounts.tokens import authenticate_access_token, redeem_ticket
from guoxue.bridge import in_thread
from guoxue.errors import NotAuthenticated

SUBPROTOCOL = "bearer"


@dataclass(frozen=True)
class Authenticated:
    """Who connects, and the subprotocol to accept with (browsers insist that the server chooses one)."""

    user: User
    subprotocol: str | None


async def authenticate_scope(scope: dict[str, Any]) -> Authenticated:
    """Find the credentials in an ASGI WebSocket scope and return their user.

    Raises a subclass of NotAuthenticated (close with 4401). The credentials are never logged.
    """
    subprotocols = scope.get("subprotocols") or []
    query = parse_qs(scope.get("query_string", b"").decode("latin-1"))
    if bearer := _bearer_header(scope):
        return Authenticated(await in_thread(authenticate_access_token, bearer), None)
    if len(subprotocols) == 2 and subprotocols[0] == SUBPROTOCOL:
        return Authenticated(await in_thread(authenticate_access_token, subprotocols[1]), SUBPROTOCOL)
    if ticket := query.get("ticket"):
        return Authenticated(await in_thread(redeem_ticket, ticket[0]), None)
    if token := query.get("token"):
        return Authenticated(await in_thread(authenticate_access_token, token[0]), None)
    raise NotAuthenticated


def _bearer_header(scope: dict[str, Any]) -> str | None:
    for name, value in scope.get("headers", []):
        scheme, _, token = value.decode("latin-1").partition(" ")
        if name == b"authorization" and scheme.lower() == "bearer" and token.strip():
            return str(token.strip())
    return None
