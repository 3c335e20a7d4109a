"""Decides what WeChat is asked about a text, and what its answer, or its silence, means."""

import logging
from functools import lru_cache

from chat.moderation.judging import (
    EXCERPT_CHARACTERS,
    PASSED,
    Direction,
    Judgement,
    Verdict,
    unanswered,
    weightiest,
)
from chat.moderation.windows import split_windows
from guoxue.wechat import (
    CHECK_MAX_CHARACTERS,
    WeChatClient,
    WeChatError,
    WeChatOpenidInactive,
    WeChatUnavailable,
)
from knowledge.breaker import CircuitBreaker

logger = logging.getLogger(__name__)

MODERATOR = "wechat"
_PROFILE, _COMMENT = 1, 2
_SCENES = {Direction.NAME: _PROFILE}
_LABELS = {
    10001: "广告",
    20001: "时政",
    20002: "色情",
    20003: "辱骂",
    20006: "违法犯罪",
    20008: "欺诈",
    20012: "低俗",
    20013: "版权",
    21000: "其他",
}


class WeChatModerator:
    """Judges by WeChat's msgSecCheck, for a reader whom WeChat knows by an openid."""

    name = MODERATOR

    def __init__(self, client: WeChatClient, openid: str) -> None:
        self._client = client
        self._openid = openid
        self._breaker = _breaker_of(client)

    def judge(self, text: str, direction: Direction) -> Judgement:
        """Judge window by window until one is risky or unanswered; what the windows say adds up as for moderators."""
        judgements: list[Judgement] = []
        for window in split_windows(text, CHECK_MAX_CHARACTERS):
            judgements.append(self._judge_window(window, direction))
            if judgements[-1].verdict in (Verdict.RISKY, Verdict.UNAVAILABLE):
                break
        return weightiest(judgements)

    def _judge_window(self, window: str, direction: Direction) -> Judgement:
        excerpt = window[:EXCERPT_CHARACTERS]
        try:
            with self._breaker.guard():
                check = self._client.check_text(
                    openid=self._openid, content=window, scene=_SCENES.get(direction, _COMMENT)
                )
        except WeChatOpenidInactive:
            # As with a reader who has no openid, the words alone judge.
            return PASSED
        except WeChatError as error:
            logger.warning("WeChat did not judge a text: %s", error.code)
            return unanswered(MODERATOR, direction, label=error.code, excerpt=window)
        if check.suggestion == Verdict.PASS:
            return PASSED
        label = f"{check.label} {_LABELS.get(check.label, '')}".strip()
        return Judgement(Verdict(check.suggestion), MODERATOR, label, check.trace_id, excerpt)


@lru_cache(maxsize=1)
def _breaker_of(client: WeChatClient) -> CircuitBreaker:
    """Return the breaker that all who ask through this client share."""
    return CircuitBreaker(WeChatUnavailable)
