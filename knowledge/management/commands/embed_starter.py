"""Makes the vectors of the starter corpus after its texts changed: ``manage.py embed_starter``."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from knowledge.errors import EmbeddingUnavailable
from knowledge.management.bars import stage_bars
from knowledge.starter import loading as starter


class Command(BaseCommand):
    help = "（开发者用）为入门典籍重新生成随程序附带的向量文件 knowledge/starter/vectors.npz。"

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with stage_bars() as report:
                made = starter.embed_starter(on_progress=report)
        except EmbeddingUnavailable as unavailable:
            raise CommandError(f"向量没有生成：{unavailable.message}") from unavailable
        self.stdout.write(f"新生成 {made} 条向量，其余未变。")
