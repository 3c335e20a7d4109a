"""Loads a word list into moderation: ``manage.py import_words 词表.csv``."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chat.errors import WordRefused
from chat.moderation.word_files import read_entries
from chat.services.words import save_words


class Command(BaseCommand):
    help = "导入敏感词（CSV，首行为列名：词语、类别、处置、启用、备注，后四列可省）；已有的词按文件更新，文件里没有的不动。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="文件.csv")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            saved = save_words(entries=read_entries(options["file"].read_bytes()))
        except OSError as error:
            raise CommandError(f"读不了 {options['file']}：{error.strerror}") from error
        except WordRefused as error:
            raise CommandError(f"{error.message} 没有导入任何词。") from error
        self.stdout.write(f"新增 {saved.created} 个，更新 {saved.updated} 个，{saved.unchanged} 个没有变化。")
