"""Decides the search-test page: what a query finds, with the ranks and scores behind each hit."""

import time

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from knowledge.forms import SearchTestForm
from knowledge.retrieval.search import Scope, SearchResult, run_search


def search_test_view(request: HttpRequest) -> HttpResponse:
    """Run the query, if there is one, and show how each hit came by its place."""
    if not request.user.has_perm("knowledge.view_passage"):
        raise PermissionDenied
    form = SearchTestForm(request.GET or None, initial={"mode": "hybrid", "limit": 20})
    context = {**admin.site.each_context(request), "title": "检索测试", "form": form}
    if form.is_valid():
        started = time.perf_counter()
        context["result"] = _search(form)
        context["elapsed_ms"] = round((time.perf_counter() - started) * 1000)
    return TemplateResponse(request, "admin/knowledge/search_test.html", context)


def _search(form: SearchTestForm) -> SearchResult:
    wanted = form.cleaned_data
    scope = Scope(
        work_titles=(wanted["work"].title,) if wanted["work"] else (),
        categories=(wanted["category"],) if wanted["category"] else (),
    )
    return run_search(wanted["q"], limit=wanted["limit"] or 20, scope=scope, mode=wanted["mode"] or "hybrid")
