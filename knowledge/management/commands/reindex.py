"""Folds all passages anew and rebuilds the lexical index: ``manage.py reindex``."""

from typing import Any

from django.core.management.base import BaseCommand

from knowledge import services
from knowledge.management.bars import stage_bars


class Command(BaseCommand):
    help = "按现在的折叠规则重新折叠全部段落，并逐段重建字句索引；期间检索照常。可随时中断，再次运行时重做。"

    def handle(self, *args: Any, **options: Any) -> None:
        with stage_bars() as report:
            refolded = services.reindex_corpus(on_progress=report)
        self.stdout.write(f"索引已重建；{refolded} 段的折叠文本有变化。")
