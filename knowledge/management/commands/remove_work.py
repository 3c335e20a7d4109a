"""Removes a work from the corpus after saying what goes with it: ``manage.py remove_work``."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from knowledge import services
from knowledge.management.choosing import add_work_arguments, choose_work
from knowledge.models import Bookmark, Embedding, Work


class Command(BaseCommand):
    help = "从典籍库里移除一部典籍，连同篇章、段落与向量；读者的摘抄保留文字，不再指向原文。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_work_arguments(parser)
        parser.add_argument("--yes", action="store_true", help="不再询问")

    def handle(self, *args: Any, **options: Any) -> None:
        work = choose_work(options)
        self.stdout.write(_describe(work))
        if not options["yes"] and not _confirm():
            raise CommandError("没有移除。")
        removed = services.remove_work(work_id=work.pk)
        self.stdout.write(f"已移除{work}，共 {removed} 段。")


def _describe(work: Work) -> str:
    """Say which work it is and what goes with it."""
    about = "，".join(
        filter(None, (work.edition, work.author, f"导入自 {work.origin}" if work.origin else ""))
    )
    vectors = Embedding.objects.filter(passage__work=work).count()
    lines = [
        f"{work}{f'（{about}）' if about else ''}：",
        f"  {work.sections.count()} 篇，{work.passages.count()} 段，{vectors} 条向量将被移除；",
        f"  {Bookmark.objects.filter(passage__work=work).count()} 条读者摘抄将不再指向原文，文字保留。",
    ]
    return "\n".join(lines)


def _confirm() -> bool:
    try:
        return input("确定移除吗？输入“是”或 yes：").strip().lower() in {"是", "y", "yes"}
    except EOFError:
        raise CommandError("没有终端可以确认；确实要移除时请加 --yes。") from None
