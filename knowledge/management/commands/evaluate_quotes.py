"""Measures the quotation check with labelled replies: ``manage.py evaluate_quotes``."""

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from knowledge.errors import QueryFileRefused
from knowledge.evaluation.quote_evaluation import (
    STARTER_CASES,
    CaseOutcome,
    LabelFigures,
    find_misses,
    measure_bars,
    read_cases,
    run_cases,
    summarise,
)
from knowledge.management.bars import counting_bar
from knowledge.management.tables import format_table

_HEADINGS = ("类别", "题数", "判定正确", "误判原文", "归属正确", "误报", "p50", "p95（毫秒）")
_LABELS = {
    "true": "真引文",
    "altered": "改动",
    "wrong_book": "错出处",
    "invented": "编造",
    "traditional": "繁体",
    "unpunctuated": "无标点",
    "spanning": "跨段",
    "ellipsis": "省略",
    "distractor": "无引文",
    "": "全部",
}


class Command(BaseCommand):
    help = (
        "用带标注的回复测量引文核对：每类的判定、归属与耗时，低于要求时退出状态为 1；"
        "不带参数时用随程序附带的题目（需已载入入门典籍）。"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--cases",
            type=Path,
            default=STARTER_CASES,
            metavar="文件",
            help="每行一个 JSON：label、reply，引文另有 quote、verdict、attribution",
        )
        parser.add_argument("--misses", action="store_true", help="逐条列出与标注不符的题目")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            cases = read_cases(options["cases"])
        except QueryFileRefused as refused:
            raise CommandError(refused.message) from refused
        with counting_bar("核对", "题") as report:
            outcomes = run_cases(cases, on_progress=report)
        for line in format_table(_HEADINGS, [_row(figures) for figures in summarise(outcomes)]):
            self.stdout.write(line)
        if options["misses"]:
            for outcome in find_misses(outcomes):
                self.stdout.write(_describe(outcome))
        self._hold_to_bars(outcomes)

    def _hold_to_bars(self, outcomes: Sequence[CaseOutcome]) -> None:
        bars = measure_bars(outcomes)
        for bar in bars:
            sign = "✓" if bar.is_met else "✗"
            self.stdout.write(f"{sign} {bar.name}：{bar.share:.3f}，要求 {bar.least:g}")
        missed = sum(not bar.is_met for bar in bars)
        if missed:
            raise CommandError(f"{missed} 项低于要求。", returncode=1)


def _row(figures: LabelFigures) -> list[str]:
    counts = (figures.cases, figures.right, figures.forged_exact, figures.placed, figures.alarms)
    label = _LABELS.get(figures.label, figures.label)
    return [label, *map(str, counts), f"{figures.p50_ms:.1f}", f"{figures.p95_ms:.1f}"]


def _describe(outcome: CaseOutcome) -> str:
    case = outcome.case
    expected = f"{case.verdict}/{case.attribution}" if case.quote else "无"
    found = f"{outcome.verdict}/{outcome.attribution}，误报 {outcome.alarms}"
    reply = case.reply.replace("\n", "⏎")
    return f"第 {case.number} 行 {_LABELS.get(case.label, case.label)}：应为 {expected}，得 {found}：{reply}"
