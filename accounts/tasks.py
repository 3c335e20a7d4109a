"""Decides how our mail leaves: in the background, tried again while the mail server does not answer."""

from smtplib import SMTPException
from typing import Any

from celery import Task, shared_task
from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts import services
from accounts.errors import MailUnavailable
from accounts.models import EmailCode
from accounts.services import IssuedCode, Mail


class SecretTask(Task[Any, Any]):
    """A task whose arguments workers and their monitors do not show, neither at first nor when it is retried."""

    def apply_async(self, *args: Any, **options: Any) -> Any:
        return super().apply_async(*args, **{**options, "argsrepr": "(…)"})


def enqueue_email_code(issued: IssuedCode) -> None:
    """Hand a code to the queue. Raises MailUnavailable when the queue is down.

    Whether anything is mailed is decided by the worker: the request must look the same for every address.
    """
    try:
        send_email_code.apply_async((issued.id, issued.code), expires=settings.EMAIL_CODE_TTL_SECONDS)
    except OperationalError as error:
        raise MailUnavailable from error


@shared_task(
    base=SecretTask,
    autoretry_for=(SMTPException, OSError),
    retry_backoff=2,
    retry_backoff_max=60,
    max_retries=6,
)
def send_email_code(code_id: int, code: str) -> None:
    """Mail what a request for a code calls for, unless the code was replaced or withdrawn since."""
    row = EmailCode.objects.unspent().filter(pk=code_id).first()
    if row is None:
        return
    mail = services.choose_mail(email=row.email, purpose=row.purpose)
    if mail is Mail.CODE:
        label, minutes = row.get_purpose_display(), settings.EMAIL_CODE_TTL_SECONDS // 60
        body = render_to_string("email/email_code.txt", {"label": label, "code": code, "minutes": minutes})
        send_mail(f"国学大师{label}验证码", body, None, [row.email])
    elif mail is Mail.ACCOUNT_EXISTS:
        body = render_to_string("email/account_exists.txt", {"email": row.email})
        send_mail("您已经有国学大师账户了", body, None, [row.email])


@shared_task
def purge_expired() -> None:
    """Delete expired codes, old login records and dead tokens; run by the schedule."""
    services.purge_expired(now=timezone.now())
