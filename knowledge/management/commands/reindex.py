"""Folds all passages anew and rebuilds the lexical index: ``manage.py reindex``."""

from typing import Any

from django.core.management.base import BaseCommand
from tqdm import tqdm

from knowledge import services
from knowledge.progress import Stage

_LABELS = {Stage.FOLDING: "折叠", Stage.INDEXING: "索引"}


class Command(BaseCommand):
    help = "按现在的折叠规则重新折叠全部段落，并逐段重建字句索引；期间检索照常。可随时中断，再次运行时重做。"

    def handle(self, *args: Any, **options: Any) -> None:
        bars: dict[Stage, tqdm[Any]] = {}

        def report(stage: Stage, processed: int, total: int) -> None:
            if stage not in bars:
                bars[stage] = tqdm(desc=_LABELS[stage], unit="段", disable=None)
            bars[stage].total = total
            bars[stage].update(processed - bars[stage].n)

        try:
            refolded = services.reindex_corpus(on_progress=report)
        finally:
            for bar in bars.values():
                bar.close()
        self.stdout.write(f"索引已重建；{refolded} 段的折叠文本有变化。")
