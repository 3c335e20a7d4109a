"""Decides the REST doors of money: the own wallet, its history, and the price list."""

from typing import cast

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import generics, serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from billing.models import LedgerTransaction
from billing.price_list import price_list
from billing.serializers import PriceSerializer, WalletEntrySerializer, WalletSerializer
from billing.services import open_wallet
from guoxue.api import CursorPagination


class NewestEntryFirst(CursorPagination):
    ordering = "-id"


class WalletView(APIView):
    """Show the balance; the first look opens the wallet with the trial."""

    @extend_schema(
        tags=["计费"],
        summary="我的钱包",
        description="首次访问即开通钱包，符合条件时发放体验金。",
        responses=WalletSerializer,
    )
    def get(self, request: Request) -> Response:
        wallet = open_wallet(user=cast(User, request.user))
        return Response(WalletSerializer(wallet).data)


@extend_schema(
    tags=["计费"],
    summary="余额变动记录",
    description="每笔账本交易一行，最新的在前；金额是可用余额（现金与赠金）的变动。",
)
class WalletEntriesView(generics.ListAPIView[LedgerTransaction]):
    """Show every change of the balance, newest first."""

    serializer_class = WalletEntrySerializer
    pagination_class = NewestEntryFirst
    queryset = LedgerTransaction.objects.none()

    def get_queryset(self) -> QuerySet[LedgerTransaction]:
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        wallet = open_wallet(user=cast(User, self.request.user))
        return LedgerTransaction.objects.seen_from(wallet)


class PricesView(APIView):
    """Show what each offered model costs now; open to everyone, also with a stale token."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        tags=["计费"],
        summary="模型价格",
        description="每个可用模型的现行价格，单位是每百万 token；一次给全。无需登录。",
        responses=inline_serializer(
            "PriceList",
            {
                "results": PriceSerializer(many=True),
                "next": serializers.CharField(allow_null=True),
                "previous": serializers.CharField(allow_null=True),
            },
        ),
    )
    def get(self, request: Request) -> Response:
        return Response({"results": price_list(), "next": None, "previous": None})
