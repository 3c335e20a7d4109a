"""Reports what the word list would block in the corpus: ``manage.py check_words``."""

from argparse import ArgumentParser
from collections import defaultdict
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from chat.errors import WordRefused
from chat.models import SensitiveWord
from chat.moderation.corpus_check import CorpusHit, find_in_corpus
from chat.moderation.current_words import load_words
from chat.moderation.word_files import read_entries
from chat.moderation.words import Word, WordList, check_word
from guoxue.spreadsheets import open_spreadsheet
from knowledge.management.output_files import open_output
from knowledge.management.tables import format_table
from knowledge.models import Passage

EXAMPLES_OF_EACH = 3
_HEADINGS = ("词语", "类别", "处置", "出处", "段落编号", "上下文")


class Command(BaseCommand):
    help = "用敏感词把语料全部过一遍，报告会误伤哪些典籍；只报告，不修改。可先试一份还没有导入的词表。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        what = parser.add_mutually_exclusive_group()
        what.add_argument("--file", type=Path, metavar="文件.csv", help="试这份词表，而不是已启用的词")
        what.add_argument("--word", action="append", metavar="词", help="只试这个词；可多次给出")
        parser.add_argument("--report", type=Path, metavar="文件.csv", help="把每一处写进 CSV")
        parser.add_argument("--strict", action="store_true", help="有会被拦截的段落时退出状态为 1")

    def handle(self, *args: Any, **options: Any) -> None:
        words = _choose(options["file"], options["word"])
        by_word: defaultdict[Word, list[CorpusHit]] = defaultdict(list)
        for hit in find_in_corpus(words):
            by_word[hit.word].append(hit)
        self._print(by_word)
        if options["report"]:
            _write(by_word, options["report"])
        blocked = {hit.passage_id for hits in by_word.values() for hit in hits if hit.blocks}
        passages = Passage.objects.count()
        summary = f"{len(words)} 个词，{passages} 段：会拦截 {len(blocked)} 段，"
        flagged = {hit.passage_id for hits in by_word.values() for hit in hits} - blocked
        self.stdout.write(f"{summary}标记 {len(flagged)} 段。")
        if options["strict"] and blocked:
            raise CommandError(f"有 {len(blocked)} 段典籍会被拦截。", returncode=1)

    def _print(self, by_word: dict[Word, list[CorpusHit]]) -> None:
        if not by_word:
            return
        ordered = sorted(by_word.items(), key=lambda item: -len(item[1]))
        rows = [
            (word.text, word.category, str(sum(hit.blocks for hit in hits)), str(len(hits)))
            for word, hits in ordered
        ]
        for line in format_table(("词语", "类别", "拦截", "共"), rows, flush_left=(0, 1)):
            self.stdout.write(line)
        for word, hits in ordered:
            for hit in hits[:EXAMPLES_OF_EACH]:
                self.stdout.write(f"  {word.text}：{hit.citation} 段落 {hit.passage_id}：{hit.excerpt}")


def _choose(file: Path | None, texts: list[str] | None) -> WordList:
    try:
        if texts:
            for text in texts:
                check_word(text)
            return WordList(map(Word, texts))
        if file is None:
            return load_words()
        entries = [entry for entry in read_entries(file.read_bytes()) if entry.is_active is not False]
    except OSError as error:
        raise CommandError(f"读不了 {file}：{error.strerror}") from error
    except WordRefused as error:
        raise CommandError(error.message) from error
    review = SensitiveWord.Action.REVIEW
    return WordList(Word(entry.word, entry.category or "", entry.action != review) for entry in entries)


def _write(by_word: dict[Word, list[CorpusHit]], path: Path) -> None:
    with open_output(path, open_spreadsheet(path, _HEADINGS)) as rows:
        for word, hits in by_word.items():
            for hit in hits:
                action = "拦截" if hit.blocks else "标记复核"
                rows.writerow((word.text, word.category, action, hit.citation, hit.passage_id, hit.excerpt))
