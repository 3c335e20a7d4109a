"""Decides what stands ready before a reply's first word: its passages, saved, its prompt, and the checks of its text."""

from dataclasses import dataclass
from uuid import UUID

from accounts.models import User
from chat.grounding import Source, find_sources
from chat.models import Message
from chat.moderation.panel import open_output_check
from chat.moderation.windows import OutputWindows
from chat.prompts import NumberedPassage, build_prompt, continuation, estimated_cost
from chat.queries import reply_context
from chat.services.replies import record_grounding
from guoxue.llm import ChatMessage


@dataclass(frozen=True)
class Prepared:
    """What the model is asked, and what is known of the reply before its first word.

    ``written`` is what a continuation begins with. The checks are those of the text and of the reasoning. A reply that
    has the ``canary`` in it gives the instructions away.
    """

    reader: User
    model: str
    temperature: float
    messages: tuple[ChatMessage, ...]
    canary: str
    written: str
    sources: tuple[Source, ...]
    checks: tuple[OutputWindows, OutputWindows]


def prepare_reply(reply: Message, *, lease_token: UUID) -> Prepared:
    """Find the passages for a reply that has been accepted, build its prompt, and save what it rests on.

    All of it in one go: the event loop waits for one thread. Raises LeaseLost.
    """
    context = reply_context(reply)
    sources = context.sources
    if sources is None:
        sources = find_sources(role=context.role, question=context.question, history=context.history)
    prompt = build_prompt(
        role=context.role,
        question=context.question,
        history=context.history,
        passages=[NumberedPassage(source.n, source.citation, source.text) for source in sources],
        summary=context.summary,
        model=context.model,
        written=context.written,
    )
    sources = sources[: prompt.passages]
    going_on = continuation(context.written)
    record_grounding(
        message_id=reply.id,
        lease_token=lease_token,
        sources=sources,
        prompt_tokens=prompt.estimated_tokens + sum(map(estimated_cost, going_on)),
    )
    return Prepared(
        reader=context.reader,
        model=context.model,
        temperature=context.role.temperature_percent / 100,
        messages=(*prompt.messages, *going_on),
        canary=prompt.canary,
        written=context.written,
        sources=sources,
        checks=(open_output_check(user=context.reader), open_output_check(user=context.reader)),
    )
