"""Decides who does what is left to do for an ended reply, and writes down what came of it: each a whole transaction.

Lock order: session, then the reply's aftercare, then messages.
"""

import logging
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now

from billing.models import Price
from billing.pricing import TokenUsage, cost_micros
from chat.background import BackgroundRequest, Words
from chat.memory import Unsummarised, summary_of
from chat.models import Aftercare, BackgroundCall, ConversationSummary, Message, Session
from guoxue import llm

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
# Longer than all calls of one reply may take together.
CLAIM_SECONDS = 300
PAUSE_SECONDS = 30


@dataclass(frozen=True)
class Claim:
    """The right to look after a reply; what is written needs that it still stands."""

    reply_id: uuid.UUID
    session_id: uuid.UUID
    token: uuid.UUID
    answered: tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """What a background call came to; no ``completion`` where the provider will not answer this, however often asked."""

    request: BackgroundRequest
    completion: llm.Completion | None


def claim_aftercare(*, reply_id: uuid.UUID) -> Claim | None:
    """Take on what is left to do for a reply; None where nothing is, or where somebody is at it.

    One reply of a session at a time. One that was taken on too often is given up.
    """
    with transaction.atomic(durable=True):
        session_id = Aftercare.objects.filter(reply=reply_id).values_list("session_id", flat=True).first()
        if session_id is None or _locked(session_id) is None:
            return None
        care = Aftercare.objects.due().filter(reply=reply_id).first()
        if care is None or _is_looked_after(session_id):
            return None
        if care.attempts == MAX_ATTEMPTS:
            logger.warning("giving up what was left to do for reply %s", reply_id)
            care.delete()
            return None
        care.claim, care.attempts = uuid.uuid4(), care.attempts + 1
        care.due_at = Now() + timedelta(seconds=CLAIM_SECONDS)
        care.save()
    return Claim(reply_id, session_id, care.claim, tuple(care.answered))


def postpone_aftercare(claim: Claim) -> None:
    """Give a reply back, to be taken on again after a pause."""
    mine = Aftercare.objects.filter(reply=claim.reply_id, claim=claim.token)
    mine.update(claim=None, due_at=Now() + timedelta(seconds=PAUSE_SECONDS))


def end_aftercare(claim: Claim) -> None:
    """Note that nothing is left to do for a reply."""
    Aftercare.objects.filter(reply=claim.reply_id, claim=claim.token).delete()


def keep_words(*, claim: Claim, answer: Answer, title: str, suggestions: Sequence[str]) -> Words:
    """Write down the title and the suggestions of a reply and what they cost; return those that were written.

    A title of the reader's own is never overwritten, whenever it comes; nothing is written for a reply that is gone.
    """
    with transaction.atomic(durable=True):
        session = _locked(claim.session_id)
        _record_call(session, answer)
        if session is None or not _note_answered(claim, answer):
            return Words("", ())
        made = Session.objects.filter(id=session.id, title_source=Session.TitleSource.QUESTION)
        if title and not made.update(title=title, title_source=Session.TitleSource.MODEL):
            title = ""
        reply = Message.objects.filter(id=claim.reply_id).exclude(flag=Message.Flag.BLOCKED)
        if suggestions and not reply.update(suggestions=list(suggestions)):
            suggestions = ()
    return Words(title, tuple(suggestions))


def keep_summary(*, claim: Claim, answer: Answer, text: str, taken_in: Unsummarised) -> bool:
    """Write down a session's summary and what it cost; tell whether it was kept.

    It is not kept where the summary was erased or begun anew meanwhile, or what it takes in has gone or was blocked.
    With no ``text`` the one so far goes on: what could not be summarised is left out.
    """
    with transaction.atomic(durable=True):
        session = _locked(claim.session_id)
        _record_call(session, answer)
        if session is None or not _note_answered(claim, answer) or not _is_as_before(session, taken_in):
            return False
        written: dict[str, object] = {
            "covers_id": taken_in.answered[-1].reply_id,
            "text": text or taken_in.so_far,
        }
        if text and answer.completion:
            written["model"] = answer.completion.model
        ConversationSummary.objects.update_or_create(session=session, defaults=written)
    return True


def _locked(session_id: uuid.UUID) -> Session | None:
    sessions = Session.objects.select_related("summary").select_for_update(no_key=True, of=("self",))
    return sessions.filter(id=session_id).first()


def _is_looked_after(session_id: uuid.UUID) -> bool:
    """Tell whether somebody looks after a reply of the session now; for a claim that ran out nobody does."""
    others = Aftercare.objects.filter(session=session_id, claim__isnull=False)
    return others.exclude(due_at__lte=Now()).exists()


def _note_answered(claim: Claim, answer: Answer) -> bool:
    """Note that a purpose need not be asked for again; tell whether the claim still stands."""
    mine = Aftercare.objects.select_for_update(no_key=True).filter(reply=claim.reply_id, claim=claim.token)
    care = mine.first()
    if care is None:
        return False
    care.answered = [*care.answered, answer.request.purpose]
    care.save(update_fields=["answered"])
    return True


def _is_as_before(session: Session, taken_in: Unsummarised) -> bool:
    """Tell whether the summary is still the one that was read, and all that it takes in may be told."""
    if _state(summary_of(session)) != _state(taken_in.before):
        return False
    ids = [key for turn in taken_in.answered for key in (turn.question_id, turn.reply_id)]
    messages = Message.objects.filter(id__in=ids).order_by("id").select_for_update(no_key=True)
    flags = list(messages.values_list("flag", flat=True))
    return len(flags) == len(ids) and Message.Flag.BLOCKED not in flags


def _state(summary: ConversationSummary | None) -> tuple[object, ...] | None:
    return None if summary is None else (summary.covers_id, summary.text, summary.erased_until)


def _record_call(session: Session | None, answer: Answer) -> None:
    """Keep what a call cost us; no reader pays for it."""
    completion = answer.completion
    if completion is None:
        return
    usage = _usage(answer.request, completion)
    price = Price.objects.current(completion.model)
    if price is None:
        logger.warning("model %s has no price: what a background call cost is not known", completion.model)
    BackgroundCall.objects.create(
        purpose=answer.request.purpose,
        session=session,
        model=completion.model,
        input_tokens=usage.input_tokens,
        cached_input_tokens=usage.cached_input_tokens,
        output_tokens=usage.output_tokens,
        cost_micros=cost_micros(price, usage) if price else 0,
    )


def _usage(request: BackgroundRequest, completion: llm.Completion) -> TokenUsage:
    counted = completion.usage
    if counted is None:
        asked = sum(llm.estimate_tokens(message.content) for message in request.messages)
        return TokenUsage(asked, llm.estimate_tokens(completion.text))
    return TokenUsage(counted.input_tokens, counted.output_tokens, counted.cached_input_tokens).clamped()
