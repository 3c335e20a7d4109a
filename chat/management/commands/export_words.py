"""Writes the word list of moderation as CSV: ``manage.py export_words``."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand

from chat.models import SensitiveWord
from chat.moderation.word_files import write_entries
from knowledge.management.output_files import unwritable


class Command(BaseCommand):
    help = "导出全部敏感词（CSV，Excel 可直接打开）；用 import_words 再导入，内容不变。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--output", type=Path, metavar="文件.csv", help="写进文件；省略时写到标准输出")

    def handle(self, *args: Any, **options: Any) -> None:
        content = write_entries(SensitiveWord.objects.order_by("category", "word"))
        if options["output"] is None:
            self.stdout.write(content, ending="")
            return
        try:
            options["output"].write_text(content, encoding="utf-8-sig", newline="")
        except OSError as error:
            raise unwritable(options["output"], error) from error
        self.stdout.write(f"已导出 {SensitiveWord.objects.count()} 个词到 {options['output']}。")
