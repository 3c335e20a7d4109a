"""Decides how REST speaks: one error shape, one pagination, one way to read a request's address."""

import ipaddress
import logging
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404
from redis.exceptions import RedisError
from rest_framework import exceptions, pagination
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView, set_rollback
from rest_framework_simplejwt.exceptions import InvalidToken

from guoxue import errors

logger = logging.getLogger(__name__)


class CursorPagination(pagination.CursorPagination):
    """Lists as ``{results, next, previous}``; ``?cursor=&limit=``, 20 rows unless asked, at most 100."""

    page_size = 20
    page_size_query_param = "limit"
    max_page_size = 100
    ordering = "-created_at"


def client_address(request: Request) -> str | None:
    """Return the caller's IP address, as far as NUM_PROXIES lets us believe it; None if it is no address."""
    try:
        return str(ipaddress.ip_address((BaseThrottle().get_ident(request) or "").partition("%")[0]))
    except ValueError:
        return None


def exception_handler(exception: Exception, context: dict[str, Any]) -> Response | None:
    """Render every expected error as ``{"error": {code, message, fields, retryable}}``; the unknown is re-raised (500)."""
    error = _as_application_error(exception)
    if error is None:
        return None
    set_rollback()
    headers = {}
    if error.retry_after_seconds is not None:
        headers["Retry-After"] = str(error.retry_after_seconds)
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return Response({"error": error.as_dict()}, status=error.status, headers=headers)


def _as_application_error(exception: Exception) -> errors.ApplicationError | None:
    if isinstance(exception, errors.ApplicationError):
        return exception
    if isinstance(exception, exceptions.ValidationError):
        return errors.InvalidInput(fields=validation_fields(exception.detail))
    if isinstance(exception, exceptions.ParseError | exceptions.UnsupportedMediaType):
        return errors.InvalidInput("请求正文不是有效的 JSON。")
    if isinstance(exception, InvalidToken | exceptions.AuthenticationFailed):
        return errors.NotAuthenticated("登录已失效，请重新登录。")
    if isinstance(exception, exceptions.NotAuthenticated):
        return errors.NotAuthenticated()
    if isinstance(exception, Http404 | exceptions.NotFound | PermissionDenied | exceptions.PermissionDenied):
        return errors.NotFound()
    if isinstance(exception, exceptions.Throttled):
        wait = getattr(exception, "wait", None) or 1
        return errors.Throttled(retry_after_seconds=max(1, round(wait)))
    if isinstance(exception, exceptions.MethodNotAllowed):
        return _MethodNotAllowed()
    if isinstance(exception, exceptions.NotAcceptable):
        return _NotAcceptable()
    if isinstance(exception, RequestDataTooBig):
        return BodyTooLarge()
    if isinstance(exception, RedisError):
        logger.error("Redis does not answer", exc_info=exception)
        return errors.ServiceUnavailable()
    return None


class UnknownPathView(APIView):
    """Answers every address under ``/api/v1/`` that nobody else does, in the one error shape."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise errors.NotFound("没有这个接口地址。")


class _NotAcceptable(errors.ApplicationError):
    code = "not_acceptable"
    status = 406
    message = "接口只提供 JSON，请调整 Accept 请求头。"


class BodyTooLarge(errors.ApplicationError):
    code = "body_too_large"
    status = 413
    message = "提交的内容太大，请缩小后重试。"


class _MethodNotAllowed(errors.ApplicationError):
    code = "method_not_allowed"
    status = 405
    message = "此地址不支持这种请求方法。"


def validation_fields(detail: Any, prefix: str = "") -> dict[str, list[str]]:
    """Flatten DRF's nested validation detail to dotted field names, each with its list of sentences."""
    if isinstance(detail, dict):
        flat: dict[str, list[str]] = {}
        for name, inner in detail.items():
            flat.update(validation_fields(inner, f"{prefix}.{name}" if prefix else str(name)))
        return flat
    if isinstance(detail, list) and any(isinstance(item, dict) for item in detail):
        return validation_fields({str(index): item for index, item in enumerate(detail) if item}, prefix)
    reasons = detail if isinstance(detail, list) else [detail]
    return {prefix or "non_field_errors": [str(reason) for reason in reasons]}
