"""Decides the REST side of roles: which a reader may choose from, and how they keep their own."""

from typing import Any

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from chat.models import Role
from chat.offered_roles import offered_roles
from chat.serializers.roles import OwnRoleSerializer, RoleChangeSerializer
from chat.services import roles
from chat.views.requests import reader_of

_LIST = inline_serializer(
    "RoleList",
    {
        "results": OwnRoleSerializer(many=True),
        "next": serializers.CharField(allow_null=True),
        "previous": serializers.CharField(allow_null=True),
    },
)


class RoleListView(APIView):
    """The offered roles, and after them the reader's own; there are never so many that they need pages."""

    def get_permissions(self) -> list[BasePermission]:
        """Let everybody look, and those who are logged in make roles."""
        return [AllowAny() if self.request.method == "GET" else IsAuthenticated()]

    @extend_schema(
        tags=["对话"],
        summary="可选的角色，其后是我自建的",
        description="自建的角色另有审核状态 `review`（`passed`、`pending`、`refused`）与全部设定；只有 `passed` 的可以使用。",
        responses=_LIST,
    )
    def get(self, request: Request) -> Response:
        own: list[Any] = []
        if isinstance(request.user, User):
            own = list(OwnRoleSerializer(Role.objects.owned_by(request.user), many=True).data)
        return Response({"results": [*offered_roles(), *own], "next": None, "previous": None})

    @extend_schema(
        tags=["对话"],
        summary="自建角色",
        request=RoleChangeSerializer,
        responses={201: OwnRoleSerializer},
    )
    def post(self, request: Request) -> Response:
        form = RoleChangeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        role = roles.create_role(user=reader_of(request), wanted=form.changes)
        return Response(OwnRoleSerializer(role).data, status=status.HTTP_201_CREATED)


class RoleView(APIView):
    """One of the reader's own roles: change it, take it away."""

    @extend_schema(
        tags=["对话"],
        summary="改自建的角色",
        description="改了文字要重新审核；通过之前不能使用。",
        request=RoleChangeSerializer,
        responses=OwnRoleSerializer,
    )
    def patch(self, request: Request, role_id: int) -> Response:
        user = reader_of(request)
        roles.own_role(user, role_id)
        form = RoleChangeSerializer(data=request.data, partial=True)
        form.is_valid(raise_exception=True)
        role = roles.change_role(user=user, role_id=role_id, wanted=form.changes)
        return Response(OwnRoleSerializer(role).data)

    @extend_schema(tags=["对话"], summary="删除自建的角色", responses={204: None})
    def delete(self, request: Request, role_id: int) -> Response:
        roles.delete_role(user=reader_of(request), role_id=role_id)
        return Response(status=status.HTTP_204_NO_CONTENT)
