"""Decides what an application error is: a code for programs, an HTTP status, a Chinese sentence for people."""

from collections.abc import Mapping, Sequence


class ApplicationError(Exception):
    """Base of every error that a client may see; rendered by the REST exception handler and by the consumer.

    ``message`` tells the reader in Chinese what to do next. ``fields`` names the refused inputs.
    """

    code = "error"
    status = 400
    message = "请求无法完成，请稍后再试。"
    retryable = False
    retry_after_seconds: int | None = None

    def __init__(
        self, message: str | None = None, *, fields: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.message = message or type(self).message
        self.fields = {name: list(reasons) for name, reasons in (fields or {}).items()}
        super().__init__(self.message)

    def as_dict(self) -> dict[str, object]:
        """Return the one shape in which errors leave the service: ``{code, message, fields, retryable}``."""
        return {
            "code": self.code,
            "message": self.message,
            "fields": self.fields,
            "retryable": self.retryable,
        }


class InvalidInput(ApplicationError):
    """The request does not have the form that it must have."""

    code = "invalid_input"
    message = "提交的内容有误，请检查后重试。"


class NotAuthenticated(ApplicationError):
    """The request carries no valid credentials."""

    code = "not_authenticated"
    status = 401
    message = "请先登录。"


class NotFound(ApplicationError):
    """The thing does not exist, or belongs to somebody else, which must look the same."""

    code = "not_found"
    status = 404
    message = "没有找到您要的内容。"


class Conflict(ApplicationError):
    """The request contradicts the state of things."""

    code = "conflict"
    status = 409
    message = "操作与当前状态冲突，请刷新后重试。"


class Throttled(ApplicationError):
    """Too many requests in too short a time."""

    code = "throttled"
    status = 429
    message = "操作太频繁，请稍后再试。"
    retryable = True

    def __init__(
        self,
        message: str | None = None,
        *,
        fields: Mapping[str, Sequence[str]] | None = None,
        retry_after_seconds: int | None = None,
    ) -> None:
        super().__init__(message, fields=fields)
        self.retry_after_seconds = retry_after_seconds


class ServiceUnavailable(ApplicationError):
    """Something that we depend on does not answer."""

    code = "service_unavailable"
    status = 503
    message = "服务暂时不可用，请稍后再试。"
    retryable = True
