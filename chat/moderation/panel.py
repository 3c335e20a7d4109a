"""Decides who judges a reader's texts: the words always, WeChat where the reader is known to it."""

from accounts.models import User
from accounts.services import active_openid
from chat.moderation.current_words import current_words
from chat.moderation.judging import Direction, Judgement, Moderator, judge_by_all
from chat.moderation.local import WordModerator
from chat.moderation.remote import WeChatModerator
from chat.moderation.windows import OutputWindows
from guoxue.wechat import wechat_client


def judge_text(text: str, *, direction: Direction, user: User | None) -> tuple[Judgement, ...]:
    """Judge a text before it is saved; return what was no plain pass. Waits for the network: no transaction here.

    WeChat is not asked about what the words already block.
    """
    if not text.strip():
        return ()
    return judge_by_all(text, direction, (WordModerator(current_words()), *_remote(user)))


def open_output_check(*, user: User | None) -> OutputWindows:
    """Begin the check of a reply that is about to be written, by the words of this moment; reads the database."""
    return OutputWindows(current_words(), _remote(user))


def _remote(user: User | None) -> tuple[Moderator, ...]:
    client = wechat_client()
    openid = active_openid(user) if client is not None and user is not None else None
    return (WeChatModerator(client, openid),) if client is not None and openid else ()
