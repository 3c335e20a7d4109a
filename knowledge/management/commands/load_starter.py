"""Loads the texts that come with the program, with their vectors: ``manage.py load_starter``."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand
from kombu.exceptions import OperationalError

from knowledge import tasks
from knowledge.errors import EmbeddingUnavailable
from knowledge.starter import loading as starter
from knowledge.vectors import filling


class Command(BaseCommand):
    help = (
        "载入随程序附带的入门典籍，并随程序更新；管理员自己导入的同名典籍不受影响，"
        "移除过的不再载入（除非加 --restore）。"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--restore", action="store_true", help="移除过的入门典籍也重新载入")

    def handle(self, *args: Any, **options: Any) -> None:
        works = starter.load_starter(restore=options["restore"])
        fresh = [work for work in works if not work.unchanged]
        if fresh:
            passages = sum(work.passages for work in fresh)
            self.stdout.write(f"已载入 {len(fresh)} 部典籍，共 {passages} 段。")
        else:
            self.stdout.write("入门典籍已是最新。")
        self._embed([work.title for work in works])

    def _embed(self, titles: list[str]) -> None:
        """Store the vectors that come along; what still lacks one is left to the worker."""
        try:
            filling.embed_missing(work_titles=titles, starter_only=True)
            lacking = filling.count_missing_vectors()
        except EmbeddingUnavailable as unavailable:
            self.stderr.write(f"暂无向量，先按字句检索：{unavailable.message}")
            return
        if lacking:
            self._enqueue(lacking)

    def _enqueue(self, lacking: int) -> None:
        try:
            tasks.embed_missing_passages.delay()
        except OperationalError:
            self.stderr.write(f"{lacking} 段还没有向量；任务队列连接不上，之后会自动补全。")
            return
        self.stdout.write(f"{lacking} 段还没有向量，后台正在补全。")
