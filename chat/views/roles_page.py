"""Decides what the page of roles is told before its script runs: the limits of the form for one's own."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from chat.serializers.roles import MAX_MEMORY_TURNS, MAX_OPENING_LINE_CHARACTERS, MAX_SUGGESTED_QUESTIONS
from knowledge.models import Category


@require_safe
def roles_page(request: HttpRequest) -> HttpResponse:
    """Show the roles to choose from, and the form for one's own with the limits that the API holds."""
    limits = {
        "prompt": settings.OWN_ROLE_PROMPT_MAX_CHARACTERS,
        "opening": MAX_OPENING_LINE_CHARACTERS,
        "questions": MAX_SUGGESTED_QUESTIONS,
        "turns": MAX_MEMORY_TURNS,
    }
    return render(request, "web/roles.html", {"categories": Category.values, "limits": limits})
