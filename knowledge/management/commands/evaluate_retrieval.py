"""Measures the search with queries whose answers are known: ``manage.py evaluate_retrieval``."""

import logging
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from guoxue.spreadsheets import open_spreadsheet
from knowledge.errors import QueryFileRefused
from knowledge.evaluation.runs import (
    STARTER_QUERIES,
    Evaluation,
    Selection,
    figures_of,
    previous_run,
    run_evaluation,
)
from knowledge.evaluation.scoring import ALL_KINDS, KIND_LABELS, METRICS, Figures, Outcome, describe_share
from knowledge.management.arguments import positive
from knowledge.management.bars import counting_bar
from knowledge.management.output_files import open_output
from knowledge.management.tables import format_table
from knowledge.models import EvaluationRun

SHOWN_SKIPS = 10
OVERALL = "overall"


@dataclass(frozen=True)
class Floor:
    """The least that a figure of a kind may be: ``question.R@5=0.9``, or ``overall.MRR@10=0.8``."""

    kind: str
    metric: str
    least: float

    def __str__(self) -> str:
        return f"{self.kind or OVERALL}.{self.metric}={self.least:g}"

    def reached_by(self, rows: Sequence[Figures]) -> bool | None:
        """Tell whether the figure is high enough; None if the kind was not asked."""
        found = next((row for row in rows if row.kind == self.kind), None)
        return None if found is None else bool(getattr(found, METRICS[self.metric]) >= self.least)


@contextmanager
def _without_warnings() -> Iterator[None]:
    """Let searches without vectors go unlogged, each of which warns: here they are counted and told once."""
    logger = logging.getLogger("knowledge.retrieval.search")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


class Command(BaseCommand):
    help = (
        "用已知答案的问题测量检索：每类问题的 R@1、R@5、R@20、MRR@10 与耗时，"
        "存档并与上次比较；不带参数时用随程序附带的问题（需已载入入门典籍）。"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--queries",
            nargs="+",
            type=Path,
            default=[STARTER_QUERIES],
            metavar="文件",
            help="每行一个 JSON：query，kind，gold（编号）或 gold_text（原文），可选 alternates、work、id",
        )
        parser.add_argument(
            "--passages", type=Path, metavar="文件", help="gold 编号所指的段落：.jsonl 或 .jsonl.gz"
        )
        parser.add_argument("--kind", action="append", default=[], help="只测这一类；可多次给出")
        parser.add_argument("--limit", type=positive, metavar="N", help="每类最多 N 题，每次抽到的相同")
        parser.add_argument("--mode", choices=EvaluationRun.Mode.values, default=EvaluationRun.Mode.HYBRID)
        parser.add_argument("--label", default="", metavar="文字", help="给这次评测的说明，如“调高书名权重”")
        parser.add_argument(
            "--fail-below",
            action="append",
            type=_floor,
            default=[],
            metavar="类别.指标=值",
            help=f"低于此值时退出状态为 1，如 question.R@5=0.9 或 {OVERALL}.MRR@10=0.8；可多次给出",
        )
        parser.add_argument("--report", type=Path, metavar="文件.csv", help="逐题写出名次与耗时")

    def handle(self, *args: Any, **options: Any) -> None:
        with _without_warnings(), counting_bar("评测", "题") as report:
            try:
                evaluation = run_evaluation(
                    query_files=options["queries"],
                    passages_file=options["passages"],
                    selection=Selection(tuple(options["kind"]), options["limit"]),
                    mode=options["mode"],
                    label=options["label"],
                    on_progress=report,
                )
            except QueryFileRefused as refused:
                raise CommandError(refused.message) from refused
        self._print(evaluation)
        if options["report"]:
            _write_outcomes(options["report"], evaluation.outcomes)
        self._hold_to(options["fail_below"], figures_of(evaluation.run))

    def _print(self, evaluation: Evaluation) -> None:
        run = evaluation.run
        previous = previous_run(run)
        for line in format_table(_HEADINGS, _rows(figures_of(run), figures_of(previous) if previous else [])):
            self.stdout.write(line)
        for note in (*_notes(run), _compared(previous)):
            self.stdout.write(note)
        if run.skipped_count:
            self.stderr.write(f"跳过 {run.skipped_count} 题：")
            for skip in evaluation.skipped[:SHOWN_SKIPS]:
                self.stderr.write(f"  {skip.id}：{skip.reason}")
            if run.skipped_count > SHOWN_SKIPS:
                self.stderr.write("  ……其余见后台「检索评测」。")

    def _hold_to(self, floors: Sequence[Floor], rows: Sequence[Figures]) -> None:
        missed = [floor for floor in floors if not floor.reached_by(rows)]
        for floor in missed:
            asked = floor.reached_by(rows) is not None
            self.stderr.write(f"未达到 {floor}{'' if asked else '：这一类没有测'}")
        if missed:
            raise CommandError(f"{len(missed)} 项低于要求。", returncode=1)


_OUTCOME_HEADINGS = ("编号", "类别", "问题", "名次", "毫秒", "首条结果")
_HEADINGS = ("类别", "题数", *METRICS, "p50", "p95（毫秒）")


def _rows(rows: Sequence[Figures], previous: Sequence[Figures]) -> list[list[str]]:
    before = {figures.kind: figures for figures in previous}
    return [
        [
            figures.label,
            str(figures.queries),
            *(describe_share(figures, before.get(figures.kind), metric) for metric in METRICS),
            f"{figures.p50_ms:.1f}",
            f"{figures.p95_ms:.1f}",
        ]
        for figures in rows
    ]


def _notes(run: EvaluationRun) -> list[str]:
    notes = [f"语料 {run.passage_count} 段，用时 {run.duration_ms / 1000:.1f} 秒，存档编号 {run.pk}。"]
    if run.embedding_model:
        notes.append(f"向量模型 {run.embedding_model}，已有向量 {run.vector_count} 段。")
    if run.without_vectors:
        notes.append(f"注意：{run.without_vectors} 题没有用上向量，只按字句检索。")
    return notes


def _compared(previous: EvaluationRun | None) -> str:
    if previous is None:
        return "这组问题是第一次评测，没有可比较的记录。"
    about = "，".join(filter(None, (previous.label, previous.code_version)))
    note = (
        f"▲▼ 与第 {previous.pk} 次（{previous.started_at:%Y-%m-%d %H:%M}{f'，{about}' if about else ''}）比较"
    )
    return f"{note}；那次跳过 {previous.skipped_count} 题。" if previous.skipped_count else f"{note}。"


def _write_outcomes(path: Path, outcomes: Sequence[Outcome]) -> None:
    with open_output(path, open_spreadsheet(path, _OUTCOME_HEADINGS)) as rows:
        for outcome in outcomes:
            query = outcome.query
            row = (query.id, query.kind, query.text, outcome.rank or "", f"{outcome.elapsed_ms:.1f}")
            rows.writerow((*row, outcome.first_citation))


def _floor(text: str) -> Floor:
    names = {name.lower().replace("@", ""): name for name in METRICS} | {"mrr": "MRR@10"}
    place, _, value = text.partition("=")
    kind, _, metric = place.rpartition(".")
    metric = names.get(metric.lower().replace("@", ""), "")
    try:
        least = float(value)
    except ValueError:
        least = -1.0
    if not kind or not metric or not 0 <= least <= 1:
        raise ArgumentTypeError(f"应写作 类别.指标=值，指标为 {'、'.join(METRICS)}，值在 0 与 1 之间。")
    known = {label: kind for kind, label in KIND_LABELS.items()} | {OVERALL: ALL_KINDS}
    return Floor(known.get(kind, kind), metric, least)
