"""Decides what a provider can do to us, and what a reader is told of it."""

from guoxue.errors import ApplicationError


class ModelError(ApplicationError):
    """Base of what a provider can do to us."""

    code = "model_error"
    status = 502
    message = "模型服务出错，请稍后重新生成。"
    retryable = True


class ModelUnavailable(ModelError):
    """The provider cannot be reached, answers with a server error, or breaks off."""

    code = "model_unavailable"
    message = "模型服务暂时连接不上，请稍后重新生成。"


class ProviderPaused(ModelUnavailable):
    """The provider has failed so often that it is not even asked for a while."""


class ModelTimeout(ModelError):
    """The provider kept us waiting for longer than we wait."""

    code = "model_timeout"
    message = "模型服务响应超时，请稍后重新生成。"


class ModelBusy(ModelError):
    """The provider limits our rate; ``retry_after_seconds`` is what it asks for, if it says."""

    code = "model_busy"
    status = 503
    message = "模型服务繁忙，请稍后重新生成。"

    def __init__(self, *, retry_after_seconds: int | None = None) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds


class ModelSilent(ModelError):
    """The provider ended the reply without a word, as its own content filter does."""

    code = "model_silent"
    message = "模型没有给出回答，请换个问法再试。"


class ModelRejected(ModelError):
    """The provider refuses the request itself: wrong key, unknown model, forbidden content.

    ``blames_request`` tells that the content is at fault: then no other provider is asked the same.
    """

    code = "model_rejected"
    message = "模型服务拒绝了请求，请联系客服或换个问法。"
    retryable = False

    def __init__(self, *, blames_request: bool = False) -> None:
        super().__init__()
        self.blames_request = blames_request
