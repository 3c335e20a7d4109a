"""Decides who makes a REST request: the bearer of an access token; refusals are those of the WebSocket."""

from drf_spectacular.contrib.rest_framework_simplejwt import SimpleJWTScheme
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.tokens import Token

from accounts import tokens
from accounts.models import User


class BearerAuthentication(JWTAuthentication):
    """``Authorization: Bearer <access token>``."""

    def get_validated_token(self, raw_token: bytes) -> Token:
        return tokens.decode_access_token(raw_token)

    def get_user(self, validated_token: Token) -> User:  # type: ignore[override]
        return tokens.user_of(validated_token)


class BearerScheme(SimpleJWTScheme):  # type: ignore[no-untyped-call]
    """Describes the header to OpenAPI."""

    target_class = "accounts.authentication.BearerAuthentication"
