"""Decides the search page: what is asked, what is found, and why."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe
from rest_framework.request import Request
from rest_framework.throttling import ScopedRateThrottle

from guoxue.api import client_address, validation_fields
from knowledge.models import Category
from knowledge.popular import note_search
from knowledge.reading.excerpts import Excerpt, excerpt, explain
from knowledge.retrieval.hits import Hit
from knowledge.retrieval.queries import MAX_QUERY_CHARACTERS
from knowledge.retrieval.search import Scope, run_search
from knowledge.serializers.search import SEARCH_LIMIT, SearchQuerySerializer
from knowledge.views.search import SearchView

FIRST_HITS = 20
MODES = (("hybrid", "智能检索", "问题、白话、原文都可以"), ("line", "半句寻句", "只按字面，记得半句也能找到"))
EXAMPLES = (
    ("学而不思则罔", "line"),
    ("怎样面对别人的误解", "hybrid"),
    ("温故而知新出自哪里", "hybrid"),
    ("天下莫柔弱于", "line"),
)


@dataclass(frozen=True)
class ShownHit:
    """A hit as the page shows it."""

    hit: Hit
    excerpt: Excerpt
    why: str

    @classmethod
    def of(cls, hit: Hit) -> "ShownHit":
        """Cut and explain the hit."""
        return cls(hit, excerpt(hit.text, hit.matched), explain(hit))


@require_safe
@cache_control(private=True, max_age=0)
def search_page(request: HttpRequest) -> HttpResponse:
    """Show the form and, where something is asked, the hits. Searches count against the limit of the REST door."""
    given = _without_blanks(request.GET)
    context: dict[str, Any] = {
        "q": given.get("q", "")[:MAX_QUERY_CHARACTERS],
        "mode": given.get("mode", "hybrid"),
        "chosen": given.getlist("category"),
        "work": given.get("work", ""),
        "modes": MODES,
        "categories": Category.values,
        "examples": EXAMPLES,
    }
    if "q" not in given:
        return render(request, "web/search.html", context)
    form = SearchQuerySerializer(data=given)
    if not form.is_valid():
        problem = " ".join(
            reason for reasons in validation_fields(form.errors).values() for reason in reasons
        )
        return render(request, "web/search.html", context | {"problem": problem}, status=400)
    if wait := _must_wait(request):
        context["problem"] = f"检索太频繁，请过 {wait} 秒再试。"
        response = render(request, "web/search.html", context, status=429)
        response["Retry-After"] = str(wait)
        return response
    found = _search(form.validated_data, "limit" in given)
    note_search(context["q"], hits=found["result"].hits, address=client_address(Request(request)))
    return render(request, "web/search.html", context | found)


def _search(wanted: dict[str, Any], is_limited: bool) -> dict[str, Any]:
    limit = wanted["limit"] if is_limited else FIRST_HITS
    scope = Scope(work_titles=tuple(wanted["work"]), categories=tuple(wanted["category"]))
    result = run_search(wanted["q"], limit=limit, scope=scope, mode=wanted["mode"])
    return {
        "result": result,
        "hits": [ShownHit.of(hit) for hit in result.hits],
        "more": SEARCH_LIMIT if len(result.hits) == limit < SEARCH_LIMIT else None,
    }


def _without_blanks(given: QueryDict) -> QueryDict:
    """The parameters without those that a form sends empty."""
    kept = QueryDict(mutable=True)
    for name, values in given.lists():
        filled = [value for value in values if value.strip()]
        if filled:
            kept.setlist(name, filled)
    return kept


def _must_wait(request: HttpRequest) -> int | None:
    """Count the search; return for how many seconds no more are answered, if so."""
    throttle = ScopedRateThrottle()
    if throttle.allow_request(Request(request), SearchView()):
        return None
    return max(1, round(throttle.wait() or 1))
