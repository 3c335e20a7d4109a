"""Decides which popular searches are shown to everybody: those that the word list has nothing against.

The door is here because the corpus knows nothing of moderation.
"""

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chat.moderation.current_words import current_words
from knowledge.popular import popular_searches

SHOWN = 10


class PopularSearchesView(APIView):
    """What many have looked for lately; open to everyone, also with a stale token."""

    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(
        tags=["典籍"],
        summary="热门检索",
        description="近七日至少三人查过、查有原文的短句，最多十条；折叠为简体，不含标点。",
        responses=inline_serializer(
            "PopularSearches", {"results": serializers.ListField(child=serializers.CharField())}
        ),
    )
    def get(self, request: Request) -> Response:
        words = current_words()
        shown = [query for query in popular_searches() if not words.find(query)]
        return Response({"results": shown[:SHOWN]})
