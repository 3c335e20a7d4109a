"""Decides what the doors of the corpus have in common: reading is open to everyone, and caches may keep it a minute."""

from collections.abc import Iterable
from typing import Any

from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer
from rest_framework.throttling import ScopedRateThrottle
from rest_framework.views import APIView

CACHE_SECONDS = 60


class OpenView(APIView):
    """A door without a login; a stale Authorization header does not close it."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


@method_decorator((conditional_page, cache_control(public=True, max_age=CACHE_SECONDS)), name="dispatch")
class ReadingView(OpenView):
    """A door to texts, which seldom change: the answer has an ETag."""


class ThrottledView(OpenView):
    """A door behind which there is work, so not too often from one address; the scope says how often."""

    throttle_classes = (ScopedRateThrottle,)


class OneForm(BaseContentNegotiation):
    """The only renderer, whatever is asked for: here ``?format=`` is the form of a citation, not of the answer."""

    def select_parser(self, request: Request, parsers: Iterable[BaseParser]) -> BaseParser:
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type


def asked(serializer: type[BaseSerializer[Any]], request: Request) -> dict[str, Any]:
    """Validate the address's parameters; raise a 400 that names the unfit ones."""
    query = serializer(data=request.query_params)
    query.is_valid(raise_exception=True)
    return dict(query.validated_data)
