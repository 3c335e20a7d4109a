import smtplib
from datetime import timedelta

import pytest
from celery.exceptions import Retry
from celery.signals import before_task_publish
from django.core import mail
from django.utils import timezone
from kombu import Connection

from accounts import services, tasks
from accounts.models import EmailCode
from accounts.tests.factories import make_user
from guoxue.celery import app as celery_app

pytestmark = pytest.mark.django_db
EMAIL = "o'neil@example.com"


def ask(purpose="register"):
    return services.request_email_code(email=EMAIL, purpose=purpose, ip=None)


def test_code_stands_on_a_line_of_its_own(settings):
    settings.EMAIL_CODE_TTL_SECONDS = 600

    tasks.send_email_code(ask().id, "012345")

    (message,) = mail.outbox
    assert message.to == [EMAIL] and message.subject == "国学大师注册验证码"
    assert "012345" in message.body.splitlines()
    assert "10 分钟内有效" in message.body


@pytest.mark.parametrize(
    ("purpose", "has_account", "subjects"),
    [
        ("register", False, ["国学大师注册验证码"]),
        ("register", True, ["您已经有国学大师账户了"]),
        ("login", True, ["国学大师登录验证码"]),
        ("login", False, []),
    ],
)
def test_worker_decides_what_the_owner_is_told(tasks_run_at_once, purpose, has_account, subjects):
    issued = ask(purpose)
    if has_account:
        make_user(EMAIL)

    tasks.enqueue_email_code(issued)

    assert [message.subject for message in mail.outbox] == subjects
    assert all(EMAIL in (*message.to, message.body) for message in mail.outbox)
    assert not has_account or purpose == "login" or issued.code not in mail.outbox[0].body


@pytest.mark.parametrize("fate", ["withdrawn", "replaced", "used"])
def test_code_that_is_worth_nothing_any_more_is_not_mailed(fate):
    issued = ask()
    if fate == "withdrawn":
        services.withdraw_email_code(issued=issued)
    else:
        field = {"replaced": "superseded_at", "used": "consumed_at"}[fate]
        EmailCode.objects.update(**{field: timezone.now()})

    tasks.send_email_code(issued.id, issued.code)

    assert mail.outbox == []


@pytest.mark.parametrize("has_account", [True, False])
@pytest.mark.parametrize("purpose", ["register", "login"])
def test_queue_gets_one_task_whether_or_not_there_is_an_account(monkeypatch, purpose, has_account):
    if has_account:
        make_user(EMAIL)
    issued, published = ask(purpose), []
    monkeypatch.setattr(tasks.send_email_code, "apply_async", lambda args, **options: published.append(args))

    tasks.enqueue_email_code(issued)

    assert published == [(issued.id, issued.code)]


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

    tasks.enqueue_email_code(ask())

    assert not faults and len(mail.outbox) == 1


def test_monitors_see_no_code_neither_at_first_nor_when_the_mail_is_tried_again(monkeypatch):
    monkeypatch.setattr(celery_app.amqp, "_producer_pool", None)
    queue = Connection("memory://")
    monkeypatch.setattr(celery_app, "connection_for_write", lambda: queue)
    issued, shown = ask(), []

    def show(headers, **_):
        shown.append((headers["retries"], headers["argsrepr"], headers["kwargsrepr"]))

    before_task_publish.connect(show)
    try:
        tasks.enqueue_email_code(issued)
        task = tasks.send_email_code
        task.push_request(id="1", args=(issued.id, issued.code), kwargs={}, called_directly=False, retries=0)
        with pytest.raises(Retry):
            task.retry(exc=ConnectionRefusedError("nobody there"))
    finally:
        before_task_publish.disconnect(show)
        task.pop_request()

    assert shown == [(0, "(…)", "{}"), (1, "(…)", "{}")]


def test_purge_task_deletes_expired_codes():
    then = timezone.now() - timedelta(days=3)
    EmailCode.objects.create(
        email="a@example.com", purpose="login", created_at=then, expires_at=then + timedelta(minutes=10)
    )

    tasks.purge_expired()

    assert not EmailCode.objects.exists()


def test_schedule_names_tasks_that_exist():
    celery_app.loader.import_default_modules()

    scheduled = {entry["task"] for entry in celery_app.conf.beat_schedule.values()}

    assert scheduled <= set(celery_app.tasks)
