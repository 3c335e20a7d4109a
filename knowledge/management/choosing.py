"""Decides which work a command means by a title and an edition."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from knowledge.models import Work


def add_work_arguments(parser: ArgumentParser) -> None:
    """Add the arguments that name one work."""
    parser.add_argument("title", metavar="书名", help="书名或别名")
    parser.add_argument("--edition", metavar="版本", help="同名的书有几个版本时，说明是哪一个")


def choose_work(options: dict[str, Any]) -> Work:
    """Return the one work that bears the name, by its title before its aliases."""
    title, edition = options["title"], options["edition"]
    works = list(Work.objects.named([title]).order_by("title", "edition"))
    works = [work for work in works if work.title == title] or works
    if edition is not None:
        works = [work for work in works if work.edition == edition]
    if not works:
        raise CommandError(f"没有这部典籍：{title}{f'（{edition}）' if edition else ''}。")
    if len(works) > 1:
        known = "、".join(f"{work}{work.edition or '（未写版本）'}" for work in works)
        raise CommandError(f"“{title}”有 {len(works)} 部：{known}。请用 --edition 说明是哪一部。")
    return works[0]
