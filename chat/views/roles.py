"""Decides how readers see the roles that they may choose."""

from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import generics
from rest_framework.permissions import AllowAny

from chat.models import Role
from chat.serializers.sessions import RoleSerializer
from guoxue.api import CursorPagination


class RolePagination(CursorPagination):
    ordering = ("sort_order", "id")  # type: ignore[assignment]  # REST framework takes a tuple as well
    page_size = 100


@extend_schema_view(get=extend_schema(tags=["对话"], summary="可选的角色"))
class RoleListView(generics.ListAPIView[Role]):
    """The roles that readers may choose."""

    serializer_class = RoleSerializer
    permission_classes = (AllowAny,)
    pagination_class = RolePagination
    queryset = Role.objects.offered()
