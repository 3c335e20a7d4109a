"""Decides how readers judge replies, and how operators answer their reports."""

import uuid
from collections.abc import Sequence

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from accounts.models import User
from chat import errors
from chat.models import Feedback, Message, Report


def give_feedback(
    *, user: User, message_id: uuid.UUID, value: str, reasons: Sequence[str] = (), comment: str = ""
) -> Feedback:
    """Judge one's own reply, or judge it anew.

    Locks the reply. Raises MessageNotFound for what is no reply of one's own, and ReplyInProgress while it streams.
    """
    with transaction.atomic(durable=True):
        reply = _own(user).filter(id=message_id, author=Message.Author.ASSISTANT).first()
        if reply is None:
            raise errors.MessageNotFound
        if reply.status == Message.Status.STREAMING:
            raise errors.ReplyInProgress
        feedback = Feedback.objects.filter(message=reply).first() or Feedback(message=reply)
        feedback.value, feedback.comment = value, comment
        feedback.reasons = list(dict.fromkeys(reasons))
        feedback.save()
    return feedback


def withdraw_feedback(*, user: User, message_id: uuid.UUID) -> None:
    """Take back one's judgement; without one nothing changes. Raises MessageNotFound."""
    with transaction.atomic(durable=True):
        reply = _own(user).filter(id=message_id, author=Message.Author.ASSISTANT).first()
        if reply is None:
            raise errors.MessageNotFound
        Feedback.objects.filter(message=reply).delete()


def report_message(
    *, user: User, message_id: uuid.UUID, reason: str, comment: str = ""
) -> tuple[Report, bool]:
    """Report a message that the reader can see to the operators; tell whether the report is new.

    Once per reader: a second report changes nothing about the first. Locks the message. Raises MessageNotFound.
    """
    with transaction.atomic(durable=True):
        message = _own(user).filter(id=message_id).first()
        if message is None:
            raise errors.MessageNotFound
        known = Report.objects.filter(message=message, reporter=user).first()
        if known is not None:
            return known, False
        return Report.objects.create(message=message, reporter=user, reason=reason, comment=comment), True


def uphold_report(*, report_id: int, operator: User) -> None:
    """Find a report true. Raises ReportAlreadyHandled and ReportNotFound."""
    _handle(report_id, operator, Report.Status.UPHELD)


def dismiss_report(*, report_id: int, operator: User) -> None:
    """Find a report untrue. Raises ReportAlreadyHandled and ReportNotFound."""
    _handle(report_id, operator, Report.Status.DISMISSED)


def _own(user: User) -> QuerySet[Message]:
    messages = Message.objects.owned_by(user).only("id", "author", "status")
    return messages.select_for_update(no_key=True)


def _handle(report_id: int, operator: User, verdict: Report.Status) -> None:
    """Write the verdict once: of two operators the first decides."""
    open_report = Report.objects.filter(id=report_id, status=Report.Status.OPEN)
    if open_report.update(status=verdict, handled_by=operator, handled_at=Now()):
        return
    if Report.objects.filter(id=report_id).exists():
        raise errors.ReportAlreadyHandled
    raise errors.ReportNotFound
