"""Folds the texts of all messages anew for the search in one's own history: ``manage.py refold_messages``."""

from typing import Any

from django.core.management.base import BaseCommand
from tqdm import tqdm

from chat.services.folding import refold_messages


class Command(BaseCommand):
    help = (
        "按现在的折叠规则重新折叠全部消息，供读者搜索自己的历史；期间照常使用。可随时中断，再次运行时重做。"
    )

    def handle(self, *args: Any, **options: Any) -> None:
        changed, last = 0, None
        with tqdm(desc="折叠", unit="条", disable=None) as bar:
            while (done := refold_messages(after=last)).last is not None:
                changed, last = changed + done.changed, done.last
                bar.update(done.read)
        self.stdout.write(f"{changed} 条消息的折叠文本有变化。")
