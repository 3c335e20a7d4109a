import smtplib
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from accounts import tasks
from accounts.models import EmailCode
from accounts.services import IssuedCode, Mail


def test_code_stands_on_a_line_of_its_own(settings):
    settings.EMAIL_CODE_TTL_SECONDS = 600

    tasks.send_email_code("li.bai@example.com", "login", "012345")

    (message,) = mail.outbox
    assert message.to == ["li.bai@example.com"] and message.subject == "国学大师登录验证码"
    assert "012345" in message.body.splitlines()
    assert "10 分钟内有效" in message.body


def test_owner_of_an_account_is_told_that_it_exists():
    tasks.send_account_exists("o'neil@example.com")

    (message,) = mail.outbox
    assert "o'neil@example.com" in message.body and "已经有账户" in message.body


@pytest.mark.parametrize(
    ("wanted", "subjects"),
    [
        (Mail.CODE, ["国学大师注册验证码"]),
        (Mail.ACCOUNT_EXISTS, ["您已经有国学大师账户了"]),
        (Mail.NOTHING, []),
    ],
)
def test_queue_carries_the_mail_that_was_decided_on(tasks_run_at_once, wanted, subjects):
    tasks.enqueue_mail(
        IssuedCode(id=1, email="a@example.com", purpose="register", code="123456", mail=wanted)
    )

    assert [message.subject for message in mail.outbox] == subjects


@pytest.mark.parametrize(
    "fault", [smtplib.SMTPServerDisconnected("gone"), ConnectionRefusedError("nobody there")]
)
def test_mail_is_sent_again_after_the_server_failed(tasks_run_at_once, monkeypatch, fault):
    faults = [fault, fault]
    send = tasks.send_mail

    def send_or_fail(*arguments):
        if faults:
            raise faults.pop()
        return send(*arguments)

    monkeypatch.setattr(tasks, "send_mail", send_or_fail)

    tasks.send_email_code.delay("a@example.com", "login", "123456")

    assert not faults and len(mail.outbox) == 1


@pytest.mark.django_db
def test_purge_task_deletes_expired_codes():
    then = timezone.now() - timedelta(days=3)
    EmailCode.objects.create(
        email="a@example.com", purpose="login", created_at=then, expires_at=then + timedelta(minutes=10)
    )

    tasks.purge_expired_codes()

    assert not EmailCode.objects.exists()
