"""Decides how we talk to WeChat's server API: one access token for all processes, typed errors, the check of texts.

Sources: the official pages of ``getStableAccessToken`` and ``msgSecCheck`` (version 2).
"""

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic, sleep
from typing import Any

import httpx2
from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError

from guoxue.errors import ServiceUnavailable

logger = logging.getLogger(__name__)

CHECK_MAX_CHARACTERS = 2500
SUGGESTIONS = frozenset({"pass", "review", "risky"})
# WeChat renews a token five minutes early; both are good during these.
TOKEN_MARGIN_SECONDS, TOKEN_MIN_SECONDS = 300, 30
_LOCK_SECONDS, _POLL_SECONDS = 10, 0.02

_STALE_TOKEN = frozenset({40001, 40014, 42001})
_BUSY = frozenset({-1, 43302, 44002})
_QUOTA = frozenset({45009, 45011, 45029})
_OPENID_INACTIVE = 61010


class WeChatError(ServiceUnavailable):
    """Base of what WeChat's server can do to us."""

    code = "wechat_error"
    status = 502
    message = "微信服务出错，请稍后再试。"


class WeChatUnavailable(WeChatError):
    """WeChat cannot be reached, keeps us waiting, is busy, or answers what nobody can read."""

    code = "wechat_unavailable"
    message = "微信服务暂时连接不上，请稍后再试。"


class WeChatQuotaExceeded(WeChatError):
    """We have asked more often than WeChat allows in a minute or a day."""

    code = "wechat_quota_exceeded"
    status = 503
    message = "微信服务的调用次数已用完，请稍后再试。"


class WeChatRefused(WeChatError):
    """WeChat refuses the request itself: wrong app id or secret, an address that is not on its list, a bad openid."""

    code = "wechat_refused"
    message = "微信服务拒绝了请求，请联系管理员。"
    retryable = False


class WeChatOpenidInactive(WeChatError):
    """The person has not used the mini-program in the last two hours: WeChat judges nothing of theirs."""

    code = "wechat_openid_inactive"
    status = 409
    message = "请先在微信中打开小程序，再试一次。"
    retryable = False


@dataclass(frozen=True)
class TextCheck:
    """What ``msgSecCheck`` says: pass, review or risky; the number of the kind of offence; its id of the case."""

    suggestion: str
    label: int
    trace_id: str


@dataclass(frozen=True)
class Token:
    """An access token, and for how many seconds it is good."""

    value: str
    life_seconds: int


class SharedToken:
    """The token that all processes share through Redis; one of them fetches it while the others wait."""

    def __init__(self, key: str, fetch: Callable[[], Token], patience_seconds: float) -> None:
        self._key = key
        self._lock_key = f"{key}:fetching"
        self._fetch = fetch
        self._patience_seconds = patience_seconds

    def get(self) -> str:
        """Return a token; without Redis every request fetches it, which WeChat answers with the same one."""
        try:
            return self._get_shared()
        except RedisError as error:
            logger.warning("WeChat's token is not shared: %s", error)
            return self._fetch().value

    def discard(self, token: str) -> None:
        """Forget a token that WeChat no longer takes, unless another process has renewed it."""
        try:
            if cache.get(self._key) == token:
                cache.delete(self._key)
        except RedisError as error:
            logger.warning("WeChat's token is not discarded: %s", error)

    def _get_shared(self) -> str:
        deadline = monotonic() + self._patience_seconds
        while (token := cache.get(self._key)) is None:
            if cache.add(self._lock_key, 1, _LOCK_SECONDS):
                return self._renew()
            if monotonic() > deadline:
                raise WeChatUnavailable
            sleep(_POLL_SECONDS)
        return str(token)

    def _renew(self) -> str:
        try:
            # The one before may have renewed it between our look at the token and our turn.
            if (renewed := cache.get(self._key)) is not None:
                return str(renewed)
            token = self._fetch()
            life = max(token.life_seconds - TOKEN_MARGIN_SECONDS, TOKEN_MIN_SECONDS)
            cache.set(self._key, token.value, life)
            return token.value
        finally:
            cache.delete(self._lock_key)


class WeChatClient:
    """The server API of one mini-program; safe to share between threads. What fails is a ``WeChatError``."""

    def __init__(self, *, base_url: str, app_id: str, app_secret: str, timeout_seconds: float) -> None:
        self._http = httpx2.Client(base_url=base_url, timeout=timeout_seconds)
        self._app_id = app_id
        self._app_secret = app_secret
        self._token = SharedToken(f"wechat:token:{app_id}", self._fetch_token, timeout_seconds)

    def check_text(self, *, openid: str, content: str, scene: int) -> TextCheck:
        """Have up to 2 500 characters judged; ``scene`` is 1 profile, 2 comment, 3 forum, 4 social log."""
        if len(content) > CHECK_MAX_CHARACTERS:
            raise ValueError(f"{len(content)} characters, of which WeChat takes {CHECK_MAX_CHARACTERS}")
        body = {"version": 2, "openid": openid, "scene": scene, "content": content}
        answer = self._call("/wxa/msg_sec_check", body)
        try:
            result = answer["result"]
            check = TextCheck(str(result["suggest"]), int(result["label"]), str(answer.get("trace_id", "")))
        except (KeyError, TypeError, ValueError) as error:
            raise WeChatUnavailable from error
        if check.suggestion not in SUGGESTIONS:
            raise WeChatUnavailable
        return check

    def _call(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Call with the shared token; one that WeChat no longer takes is renewed once, without force."""
        token = self._token.get()
        answer = self._post(path, body, {"access_token": token})
        if answer.get("errcode") in _STALE_TOKEN:
            self._token.discard(token)
            answer = self._post(path, body, {"access_token": self._token.get()})
        _raise_for_code(answer)
        return answer

    def _fetch_token(self) -> Token:
        body = {"grant_type": "client_credential", "appid": self._app_id, "secret": self._app_secret}
        answer = self._post("/cgi-bin/stable_token", body, {})
        _raise_for_code(answer)
        try:
            return Token(str(answer["access_token"]), int(answer["expires_in"]))
        except (KeyError, TypeError, ValueError) as error:
            raise WeChatUnavailable from error

    def _post(self, path: str, body: dict[str, Any], query: dict[str, str]) -> dict[str, Any]:
        # WeChat judges escaped characters less well: the body is UTF-8 as it is.
        content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
        try:
            response = self._http.post(
                path, params=query, content=content, headers={"Content-Type": "application/json"}
            )
            answer = response.json()
        except (httpx2.HTTPError, ValueError) as error:
            # The error's own text would put the token, which stands in the address, into our logs.
            logger.warning("WeChat did not answer %s: %s", path, type(error).__name__)
            raise WeChatUnavailable from None
        if response.status_code != 200 or not isinstance(answer, dict):
            logger.warning("WeChat answered %s with status %d", path, response.status_code)
            raise WeChatUnavailable
        return answer


def wechat_client() -> WeChatClient | None:
    """Return the client of the configured mini-program, or None where there is none."""
    if not settings.WECHAT_APP_ID:
        return None
    return _client(
        settings.WECHAT_API_BASE_URL,
        settings.WECHAT_APP_ID,
        settings.WECHAT_APP_SECRET,
        settings.WECHAT_TIMEOUT_SECONDS,
    )


@lru_cache(maxsize=1)
def _client(base_url: str, app_id: str, app_secret: str, timeout_seconds: float) -> WeChatClient:
    return WeChatClient(
        base_url=base_url, app_id=app_id, app_secret=app_secret, timeout_seconds=timeout_seconds
    )


def _raise_for_code(answer: dict[str, Any]) -> None:
    code = answer.get("errcode", 0)
    if code == 0:
        return
    logger.warning("WeChat refuses with %s: %s", code, answer.get("errmsg"))
    if code in _BUSY:
        raise WeChatUnavailable
    if code in _QUOTA:
        raise WeChatQuotaExceeded
    if code == _OPENID_INACTIVE:
        raise WeChatOpenidInactive
    raise WeChatRefused
