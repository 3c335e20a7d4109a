"""Gives every passage that has none a vector of the current model: ``manage.py embed_corpus``."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from knowledge import services
from knowledge.errors import EmbeddingUnavailable
from knowledge.services import Stage


class Command(BaseCommand):
    help = "为还没有向量的段落生成向量；可随时中断，再次运行时接着做。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--work", action="append", default=[], metavar="书名", help="只处理这部书；可多次给出"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        bar = tqdm(desc="向量", unit="段", disable=None)

        def report(_stage: Stage, processed: int, total: int) -> None:
            bar.total = total
            bar.update(processed - bar.n)

        try:
            stored = services.embed_missing(work_titles=options["work"], on_progress=report)
        except EmbeddingUnavailable as unavailable:
            raise CommandError(f"向量没有生成：{unavailable.message}") from unavailable
        finally:
            bar.close()
        self.stdout.write(f"已生成 {stored} 条向量。")
