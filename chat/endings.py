"""Decides how the end of a reply is written: final text, verdicts, usage, the hold settled, what is left to do noted."""

from dataclasses import dataclass

from django.db.models.functions import Now

from billing.services import release_hold, settle_hold
from chat.background import deserves_aftercare
from chat.charging import chargeable_usage
from chat.errors import ReplyRetracted
from chat.models import Aftercare, Message
from chat.rendering import render_reply
from guoxue import llm

_WRITTEN = (
    "status",
    "text",
    "folded",
    "html",
    "reasoning",
    "quotes",
    "error_code",
    "error_message",
    "finished_at",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "usage_estimated",
    "cost_micros",
    "lease_token",
    "lease_expires_at",
    "stop_requested_at",
)


@dataclass(frozen=True)
class Outcome:
    """How a reply ended: a final status, the whole text, and what the provider counted."""

    status: str
    text: str
    usage: llm.Usage | None = None
    error_code: str = ""
    error_message: str = ""
    reasoning: str = ""


def close_reply(message: Message, outcome: Outcome, quotes: list[dict[str, object]]) -> None:
    """Write the final state of a streaming reply and settle its hold; a step of the caller's transaction.

    The reply was read by ``to_be_ended``.
    Of one that moderation has blocked nothing is kept, whoever ends it and however.
    """
    if message.is_withheld:
        outcome, quotes = retracted(), []
    usage, estimated = chargeable_usage(
        status=outcome.status,
        reported=outcome.usage,
        prompt_tokens=message.prompt_tokens,
        text=outcome.text,
        written_before=len(message.continues.text) if message.continues else 0,
    )
    if usage is None:
        hold = release_hold(key=message.hold_key)
    else:
        hold = settle_hold(key=message.hold_key, usage=usage)
        message.input_tokens = usage.input_tokens
        message.cached_input_tokens = usage.cached_input_tokens
        message.output_tokens = usage.output_tokens
    message.usage_estimated = estimated
    message.cost_micros = hold.settled_micros
    message.status = outcome.status
    message.text = outcome.text
    message.reasoning = outcome.reasoning
    message.quotes = quotes
    message.html = render_reply(outcome.text, message.sources, quotes)
    message.error_code = outcome.error_code
    message.error_message = outcome.error_message
    message.lease_token = message.lease_expires_at = message.stop_requested_at = None
    message.finished_at = message.ends_at  # type: ignore[attr-defined]
    message.save(update_fields=_WRITTEN)
    message.chunks.all().delete()
    if deserves_aftercare(message):
        Aftercare.objects.create(reply=message, session_id=message.session_id, due_at=Now())


def retracted() -> Outcome:
    """Return how a reply ends that moderation takes back."""
    return Outcome(
        Message.Status.FAILED, "", error_code=ReplyRetracted.code, error_message=ReplyRetracted.message
    )


def interrupted(text: str) -> Outcome:
    """Return how a reply ends whose process is gone or has to go, with the text that there is."""
    return Outcome(
        status=Message.Status.INTERRUPTED,
        text=text,
        error_code="interrupted",
        error_message="回复中断，已保存的内容在上面；可以继续写完，也可以重新生成。",
    )
