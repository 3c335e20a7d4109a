"""Composition root for HTTP: the API, its documentation, the web pages, the admin and the probes."""

from collections.abc import Callable

from csp.decorators import csp_update
from django.conf import settings
from django.contrib import admin
from django.http.response import HttpResponseBase
from django.templatetags.static import static
from django.urls import include, path
from django.views.generic import RedirectView, TemplateView
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView, SpectacularSwaggerSplitView

from chat.views.chat_page import chat_page
from chat.views.roles_page import roles_page
from guoxue.api import UnknownPathView
from guoxue.health import livez, readyz

admin.site.site_header = "国学大师 · 后台"
admin.site.site_title = "国学大师"
admin.site.index_title = "管理"


def _page(template: str) -> Callable[..., HttpResponseBase]:
    return TemplateView.as_view(template_name=f"web/{template}", extra_context={"debug": settings.DEBUG})


handler404 = "knowledge.views.pages.missing_page"
_relaxed_for_redoc = csp_update({"worker-src": ["blob:"], "style-src": ["'self'", "'unsafe-inline'"]})

urlpatterns = [
    path("", chat_page, name="chat"),
    path("history", _page("history.html"), name="history"),
    path("roles", roles_page, name="roles"),
    path("login", _page("login.html"), name="login"),
    path("register", _page("register.html"), name="register"),
    path("", include("knowledge.page_urls")),
    path("favicon.ico", RedirectView.as_view(url=static("img/seal.svg"))),
    path("admin/", admin.site.urls),
    path("livez", livez),
    path("readyz", readyz),
    path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema")),
    path("api/redoc/", _relaxed_for_redoc(SpectacularRedocView.as_view(url_name="schema"))),
    *(path("api/v1/", include(f"{app}.urls")) for app in ("accounts", "billing", "knowledge", "chat")),
    path("api/v1/<path:rest>", UnknownPathView.as_view()),
]
