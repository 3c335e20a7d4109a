"""Decides what everybody is told of the roles that operators offer."""

from typing import Any

from chat.models import Role
from chat.serializers.roles import RoleSerializer


def offered_roles() -> list[dict[str, Any]]:
    """Return the offered roles as JSON, in the operators' order."""
    return [dict(row) for row in RoleSerializer(Role.objects.offered(), many=True).data]
