"""Decides what a view may take from a request for granted: who asks."""

from rest_framework.request import Request

from accounts.models import User


def reader_of(request: Request) -> User:
    """Return the user who asks; only for views that let nobody else in."""
    assert isinstance(request.user, User)
    return request.user
