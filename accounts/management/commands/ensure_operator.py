"""Make sure that somebody can log in to the admin."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_email

from accounts import services

DEFAULT_EMAIL = "admin@guoxue.local"


class Command(BaseCommand):
    help = "没有管理员时创建一位，并打印一次随机密码；--reset-password 重设密码。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--email", default=DEFAULT_EMAIL, help=f"管理员邮箱（默认 {DEFAULT_EMAIL}）")
        parser.add_argument("--reset-password", action="store_true", help="忘记密码时，换一个新的随机密码")

    def handle(
        self, *args: Any, email: str, reset_password: bool, verbosity: int = 1, **options: Any
    ) -> None:
        try:
            validate_email(email)
        except ValidationError as error:
            raise CommandError(f"“{email}”不是有效的邮箱地址。") from error
        if reset_password:
            self._reset(email)
        else:
            self._ensure(email, hint=verbosity > 0)

    def _ensure(self, email: str, *, hint: bool) -> None:
        password = services.ensure_operator(email=email)
        if password is not None:
            self._announce("已创建管理员（密码只显示这一次，请记下）", email, password)
        elif hint:
            self.stdout.write("已有管理员，未作改动。忘记密码：bin/manage ensure_operator --reset-password")

    def _reset(self, email: str) -> None:
        password = services.reset_operator_password(email=email)
        if password is None:
            raise CommandError(f"没有邮箱为 {email} 的管理员。")
        self._announce("已重设管理员密码（只显示这一次，请记下）", email, password)

    def _announce(self, title: str, email: str, password: str) -> None:
        rule = "═" * 56
        self.stdout.write(f"{rule}\n  {title}\n\n  邮箱：{email}\n  密码：{password}\n{rule}")
