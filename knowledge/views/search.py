"""Decides the REST doors that search: for passages, and for what a text quotes."""

from collections import Counter

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from guoxue.api import client_address
from knowledge.popular import note_search
from knowledge.quotes import check_quotes
from knowledge.retrieval.search import Scope, run_search
from knowledge.serializers.search import (
    QuotedTextSerializer,
    SearchQuerySerializer,
    SearchResultSerializer,
    VerifiedQuotesSerializer,
)
from knowledge.views.doors import ThrottledView, asked


class SearchView(ThrottledView):
    """Search the corpus by meaning and by characters, or by characters alone."""

    throttle_scope = "search"

    @extend_schema(
        tags=["典籍"],
        summary="检索原文",
        parameters=[SearchQuerySerializer],
        responses=SearchResultSerializer,
    )
    def get(self, request: Request) -> Response:
        """Return the best passages, why they were found and what in them matched; ``mode=line`` looks for characters."""
        wanted = asked(SearchQuerySerializer, request)
        scope = Scope(work_titles=tuple(wanted["work"]), categories=tuple(wanted["category"]))
        result = run_search(wanted["q"], limit=wanted["limit"], scope=scope, mode=wanted["mode"])
        note_search(wanted["q"], hits=result.hits, address=client_address(request))
        return Response(SearchResultSerializer(result).data)


class QuotesVerifyView(ThrottledView):
    """Check what a text quotes against the corpus."""

    throttle_scope = "quotes"

    @extend_schema(
        tags=["典籍"],
        summary="核对引文",
        description="找出文中的引文，逐字与典籍库核对：是否原文，有何差异，出处是否相符。免费，无需登录。",
        request=QuotedTextSerializer,
        responses=VerifiedQuotesSerializer,
    )
    def post(self, request: Request) -> Response:
        """Return every quotation of the text with its verdict, in the order of the text."""
        form = QuotedTextSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        checks = check_quotes(form.validated_data["text"])
        counts = Counter(check.verdict for check in checks)
        answer = {
            "results": checks,
            "counts": {verdict: counts[verdict] for verdict in ("exact", "near", "not_found")},
        }
        return Response(VerifiedQuotesSerializer(answer).data)
