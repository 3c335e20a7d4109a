"""Decides how mail looks on the terminal while there is no mail server: plain text in a box that nobody overlooks."""

import sys
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends import console

RULE = "═" * 56


class EmailBackend(console.EmailBackend):
    """Shows what a person would read; Django's own backend prints the encoded headers and body.

    Writes to the real standard output: Celery turns what is written to ``sys.stdout`` into log lines.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("stream", sys.__stdout__)
        super().__init__(*args, **kwargs)

    def write_message(self, message: EmailMessage) -> None:
        headings = f"  收件人：{'、'.join(message.recipients())}\n  主题：{message.subject}"
        body = "\n".join(f"  {line}".rstrip() for line in str(message.body).strip().splitlines())
        self.stream.write(f"{RULE}\n{headings}\n\n{body}\n{RULE}\n")
