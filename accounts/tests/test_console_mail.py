import sys
from io import StringIO

import environ
from django.core import mail

from accounts.console_mail import EmailBackend
from accounts.views import CONSOLE_EMAIL_BACKEND


def test_mail_on_the_terminal_reads_like_mail():
    terminal = StringIO()

    mail.send_mail(
        "国学大师登录验证码",
        "您好：\n\n012345\n",
        None,
        ["li.bai@example.com", "du.fu@example.com"],
        connection=EmailBackend(stream=terminal),
    )

    lines = terminal.getvalue().splitlines()
    assert lines[0] == lines[-1] and set(lines[0]) == {"═"}
    assert lines[1:-1] == [
        "  收件人：li.bai@example.com、du.fu@example.com",
        "  主题：国学大师登录验证码",
        "",
        "  您好：",
        "",
        "  012345",
    ]


def test_console_is_the_real_one_where_standard_output_is_made_into_log_lines(monkeypatch):
    monkeypatch.setattr(sys, "stdout", StringIO())

    assert EmailBackend().stream is sys.__stdout__


def test_console_in_the_settings_is_ours():
    assert environ.Env.email_url_config("consolemail://")["EMAIL_BACKEND"] == CONSOLE_EMAIL_BACKEND
