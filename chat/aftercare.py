"""Decides what happens after a reply: a title and suggestions for its reader, a summary for the replies to come.

Each is one call of the model between two transactions; what a call came to is written before the next one is made.
"""

import logging
import uuid
from collections.abc import Iterator

from django.conf import settings

from chat import frames
from chat.background import (
    BackgroundRequest,
    Purpose,
    Words,
    background_model,
    clean_summary,
    read_words,
    summary_request,
    words_request,
)
from chat.memory import unsummarised
from chat.models import Message
from chat.moderation.judging import Direction, weightiest
from chat.moderation.panel import judge_text
from chat.prompts import PastTurn
from chat.services.aftercare import (
    Answer,
    Claim,
    claim_aftercare,
    end_aftercare,
    keep_summary,
    keep_words,
    postpone_aftercare,
)
from chat.services.moderation import record_judgements
from guoxue import llm

logger = logging.getLogger(__name__)

CALL_SECONDS = 60.0
_RELATED = ("session__role", "session__owner", "session__summary", "reply_to")


def look_after(reply_id: uuid.UUID) -> Iterator[tuple[uuid.UUID, frames.Frame]]:
    """Do what is left to do for a reply that has ended, and yield what viewers of its session are to be told, as it comes.

    Done once, however often and by however many it is called. What fails and may succeed later is left for that.
    """
    claim = claim_aftercare(reply_id=reply_id)
    if claim is None:
        return
    if background_model() == llm.OFFLINE_MODEL:
        end_aftercare(claim)
        return
    reply = Message.objects.select_related(*_RELATED).filter(id=reply_id).first()
    if reply is None:
        return
    try:
        for frame in _find_words(claim, reply):
            yield reply.session_id, frame
        _summarise(claim, reply)
    except llm.ModelError as failure:
        logger.warning("looking after reply %s failed: %s", reply_id, failure.code)
        postpone_aftercare(claim)
    else:
        end_aftercare(claim)


def _find_words(claim: Claim, reply: Message) -> Iterator[frames.Frame]:
    """Give the session a title after its first completed reply, and the newest completed reply its suggestions."""
    is_answered = {Purpose.TITLE, Purpose.SUGGESTIONS} & set(claim.answered)
    if is_answered or reply.status != Message.Status.COMPLETED or reply.reply_to is None:
        return
    title = settings.SESSION_TITLES and _needs_title(reply)
    suggestions = settings.REPLY_SUGGESTIONS and reply.session.leaf_id == reply.id
    if not title and not suggestions:
        return
    turn = PastTurn(reply.reply_to.text, reply.text)
    answer = _ask(words_request(turn, title=title, suggestions=suggestions))
    words = _allowed(
        read_words(answer.completion.text if answer.completion else "", asked=turn.question), reply
    )
    kept = keep_words(
        claim=claim,
        answer=answer,
        title=words.title if title else "",
        suggestions=words.suggestions if suggestions else (),
    )
    if kept.title:
        yield frames.title(reply.session_id, kept.title)
    if kept.suggestions:
        yield frames.suggestions(reply.id, kept.suggestions)


def _needs_title(reply: Message) -> bool:
    session = reply.session
    if session.title_source != session.TitleSource.QUESTION:
        return False
    completed = session.messages.filter(author=Message.Author.ASSISTANT, status=Message.Status.COMPLETED)
    return not completed.filter(created_at__lt=reply.created_at).exists()


def _allowed(words: Words, reply: Message) -> Words:
    """Return what of the words may be shown."""
    keeps_title = words.title and _is_allowed(words.title, Direction.TITLE, reply)
    suggestions = [text for text in words.suggestions if _is_allowed(text, Direction.OUTPUT, reply)]
    return Words(words.title if keeps_title else "", tuple(suggestions))


def _summarise(claim: Claim, reply: Message) -> None:
    """Take what has fallen out of the window into the session's summary."""
    if not settings.CONVERSATION_SUMMARIES or Purpose.SUMMARY in claim.answered:
        return
    taken_in = unsummarised(reply.session)
    if taken_in is None:
        return
    answer = _ask(summary_request(taken_in.so_far, taken_in.turns))
    text = clean_summary(answer.completion.text) if answer.completion else ""
    if text and not _is_allowed(text, Direction.OUTPUT, reply):
        text = ""
    keep_summary(claim=claim, answer=answer, text=text, taken_in=taken_in)


def _ask(request: BackgroundRequest) -> Answer:
    """Ask the model. Raises ModelError where it may answer another time; what it will never answer has no completion."""
    try:
        completion = llm.complete(
            model=background_model(),
            messages=request.messages,
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            timeout_seconds=CALL_SECONDS,
        )
    except llm.ModelSilent:
        return Answer(request, None)
    except llm.ModelRejected as refused:
        if not refused.blames_request:
            raise
        return Answer(request, None)
    return Answer(request, completion)


def _is_allowed(text: str, direction: Direction, reply: Message) -> bool:
    """Judge what a model has written, by the words alone, and keep a record of what was no plain pass."""
    judgements = judge_text(text, direction=direction, user=None)
    record_judgements(judgements, direction=direction, user=reply.session.owner)
    return not weightiest(judgements).blocks
