"""Decides how our mail leaves: in the background, tried again while the mail server does not answer."""

from functools import partial
from smtplib import SMTPException

from celery import shared_task
from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.errors import MailUnavailable
from accounts.models import EmailCode
from accounts.services import IssuedCode, Mail, purge_expired

mail_task = partial(
    shared_task,
    autoretry_for=(SMTPException, OSError),
    retry_backoff=2,
    retry_backoff_max=60,
    max_retries=6,
)


def enqueue_mail(issued: IssuedCode) -> None:
    """Hand the mail that ``issued`` calls for to the queue. Raises MailUnavailable when the queue is down."""
    try:
        if issued.mail is Mail.CODE:
            send_email_code.apply_async(
                (issued.email, issued.purpose, issued.code),
                argsrepr="(…)",  # Workers and their monitors show arguments; the code is nobody's business.
                expires=settings.EMAIL_CODE_TTL_SECONDS,
            )
        elif issued.mail is Mail.ACCOUNT_EXISTS:
            send_account_exists.apply_async((issued.email,), expires=settings.EMAIL_CODE_TTL_SECONDS)
    except OperationalError as error:
        raise MailUnavailable from error


@mail_task()
def send_email_code(email: str, purpose: str, code: str) -> None:
    """Mail a code to the address that it proves."""
    label = EmailCode.Purpose(purpose).label
    minutes = settings.EMAIL_CODE_TTL_SECONDS // 60
    body = render_to_string("email/email_code.txt", {"label": label, "code": code, "minutes": minutes})
    send_mail(f"国学大师{label}验证码", body, None, [email])


@mail_task()
def send_account_exists(email: str) -> None:
    """Tell the owner of an account that somebody tried to register with the same address."""
    send_mail(
        "您已经有国学大师账户了",
        render_to_string("email/account_exists.txt", {"email": email}),
        None,
        [email],
    )


@shared_task
def purge_expired_codes() -> None:
    """Delete expired codes, old login records and dead tokens; run by the schedule."""
    purge_expired(now=timezone.now())
