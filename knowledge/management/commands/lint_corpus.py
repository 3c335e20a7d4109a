"""Reports what is wrong with the texts of the corpus: ``manage.py lint_corpus``."""

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from guoxue.spreadsheets import Rows, open_spreadsheet
from knowledge.linting.lint import lint_twins, lint_works
from knowledge.linting.lint_rules import Finding, Summary
from knowledge.management.output_files import open_output
from knowledge.management.tables import format_table
from knowledge.models import Category, Work

EXAMPLES_OF_EACH = 3
_HEADINGS = ("级别", "问题", "代码", "典籍", "篇章", "段落编号", "位置", "上下文")


class Command(BaseCommand):
    help = "检查典籍的文字：乱码、缺字、简繁混杂、重复、引号不成对、篇章次序等；只报告，不修改。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--work", action="append", default=[], metavar="书名", help="只查这部书（书名或别名）；可多次给出"
        )
        parser.add_argument("--category", choices=Category.values, help="只查这一部类")
        parser.add_argument("--report", type=Path, metavar="文件.csv", help="把每一处写进 CSV")
        parser.add_argument("--no-twins", action="store_true", help="不查与其他典籍相同的段落")
        parser.add_argument("--strict", action="store_true", help="有“错误”级的问题时退出状态为 1")

    def handle(self, *args: Any, **options: Any) -> None:
        works = _choose(options["work"], options["category"])
        findings = lint_works(works)
        if not options["no_twins"]:
            findings = chain(findings, lint_twins(works))
        summary = Summary(EXAMPLES_OF_EACH)
        with ExitStack() as stack:
            if options["report"]:
                path = options["report"]
                opened = open_output(path, open_spreadsheet(path, _HEADINGS))
                findings = _written(findings, stack.enter_context(opened))
            for finding in findings:
                summary.add(finding)
        self._print(summary, works.count())
        if options["strict"] and summary.error_count:
            raise CommandError(f"有 {summary.error_count} 处错误。", returncode=1)

    def _print(self, summary: Summary, works: int) -> None:
        rows = [(rule.severity.label, str(count), rule.label) for rule, count, _examples in summary.rows]
        for line in format_table(("级别", "处数", "问题"), rows, flush_left=(0, 2)):
            self.stdout.write(line)
        for rule, count, examples in summary.rows:
            self.stdout.write(f"{rule.label}（{count} 处），如：")
            for finding in examples:
                place = f"{finding.work}{finding.section}"
                self.stdout.write(f"  {place} 段落 {finding.passage_id or '—'}：{finding.excerpt}")
        self.stdout.write(f"已检查 {works} 部典籍，共 {sum(summary.counts.values())} 处。")


def _choose(names: list[str], category: str | None) -> QuerySet[Work]:
    works = Work.objects.all()
    if names:
        works = works.named(names)
        known = {name for work in works for name in work.names}
        if unknown := [name for name in names if name not in known]:
            raise CommandError(f"没有这部典籍：{'、'.join(unknown)}。")
    if category:
        works = works.filter(category=category)
    if not works.exists():
        among = f"{category}里" if category else "库里"
        raise CommandError(f"{among}没有典籍可查；请先用 ingest_corpus 导入，或换一个 --category。")
    return works


def _written(findings: Iterator[Finding], rows: Rows) -> Iterator[Finding]:
    """Write each finding to the report as it passes."""
    for finding in findings:
        rule = finding.rule
        place = (finding.work, finding.section, finding.passage_id or "", finding.position)
        rows.writerow((rule.severity.label, rule.label, finding.code, *place, finding.excerpt))
        yield finding
