"""Decides what everybody is told of the roles that operators offer."""

from typing import Any

from chat.models import Role
from chat.serializers.roles import RoleSerializer
from guoxue.caching import SharedCache

_shared: SharedCache[list[dict[str, Any]]] = SharedCache("offered-roles", seconds=60)


def offered_roles() -> list[dict[str, Any]]:
    """Return the offered roles as JSON, in the operators' order."""
    return _shared.get("all", _read)


def forget_offered_roles() -> None:
    """Have the roles read again; to be called once a changed one is committed."""
    _shared.forget()


def _read() -> list[dict[str, Any]]:
    return [dict(row) for row in RoleSerializer(Role.objects.offered(), many=True).data]
