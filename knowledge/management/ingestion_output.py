"""Decides what a person at the terminal is told while sources are loaded, and what goes into the report."""

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from django.core.management.base import BaseCommand
from tqdm import tqdm

from knowledge.formats import FileReport, Source
from knowledge.formats.file_names import readable_name
from knowledge.ingestion.loading import IngestionListener, IngestionResult
from knowledge.ingestion.refusal_report import NOT_READ, RefusalReport, legible
from knowledge.management.ingestion_bar import IngestionBar
from knowledge.outlining.records import Refusal
from knowledge.progress import Stage
from knowledge.services import LoadedWork

_SHOWN_REFUSALS = 20


class IngestionOutput(IngestionListener):
    """Writes works, refusals and progress as they come, and the sum at the end."""

    def __init__(
        self,
        command: BaseCommand,
        sources: Sequence[Source],
        report: RefusalReport | None,
        *,
        dry_run: bool,
        verbosity: int,
    ) -> None:
        self._command = command
        self._dry_run = dry_run
        self._report = report
        self._verbosity = verbosity
        self._refused = 0
        self._source_count = len(sources)
        self._started = perf_counter()
        self._bar = IngestionBar(sources)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._bar.close()

    def leave_out(self, files: Sequence[Path]) -> None:
        """Tell which files were not read."""
        for file in map(readable_name, files):
            if self._report:
                self._report.add(file, 0, NOT_READ)
            if self._verbosity > 1:
                self._say(f"{file}：{NOT_READ}")
        if files and self._verbosity == 1:
            self._say(f"另有 {len(files)} 个文件{NOT_READ}")

    def refused(self, source: Source, refusal: Refusal) -> None:
        """Write a refused record to the report, and the first ones to the terminal."""
        file = readable_name(source.root / refusal.file)
        if self._report:
            self._report.add(file, refusal.line, refusal.reason)
        if not refusal.line:
            with tqdm.external_write_mode():
                self._command.stderr.write(legible(f"{file}：{refusal.reason}"))
            return
        self._refused += 1
        if self._refused <= _SHOWN_REFUSALS:
            self._say(f"  拒绝 {file} 第 {refusal.line} 行：{refusal.reason}")

    def read(self, source: Source, files: Sequence[FileReport]) -> None:
        """Tell how each file was read, where somebody wants to know."""
        if self._verbosity > 1:
            for file in files:
                encoding = f"，编码 {file.encoding}" if file.encoding else ""
                self._say(f"{source.root / file.file}：格式 {file.format}{encoding}")

    def loaded(self, source: Source, work: LoadedWork) -> None:
        """Tell what became of a work."""
        self._bar.add_passages(work.passages)
        name = f"《{work.title}》{work.edition}{' ' if work.edition else ''}{work.passages} 段"
        done = "，检查通过，未写入" if self._dry_run else _describe(work)
        self._say(f"{source.name}：{name}{done}。")

    def ended(self, source: Source) -> None:
        """Move the bar to the next source."""
        self._bar.end_source()

    def progressed(self, stage: Stage, processed: int, total: int) -> None:
        """Move the bar."""
        self._bar.show(stage, processed, total)

    def summarise(self, result: IngestionResult) -> None:
        """Write the sum of all that was loaded, refused and skipped."""
        seconds = perf_counter() - self._started
        if self._refused > _SHOWN_REFUSALS:
            advice = "" if self._report else "；加 --report 文件.csv 可全部写出"
            self._say(f"  另有 {self._refused - _SHOWN_REFUSALS} 条被拒绝的记录没有列出{advice}。")
        if result.skipped:
            self._say(f"跳过 {len(result.skipped)} 个已完整导入的来源{_forgotten(result)}。")
        added = sum(work.changes.added for work in result.works)
        self._say(
            f"{self._source_count} 个来源：{len(result.works)} 部典籍，{result.passage_count} 段（新增 {added}），"
            f"拒绝 {result.refused_count} 条记录；{seconds:.1f} 秒，每秒 {result.passage_count / seconds:.0f} 段。"
        )

    def _say(self, text: str) -> None:
        if self._verbosity:
            with tqdm.external_write_mode():
                self._command.stdout.write(legible(text))


def _describe(work: LoadedWork) -> str:
    if work.unchanged:
        return "，内容没有变化"
    changes = work.changes
    return (
        f"：新增 {changes.added}，移动 {changes.moved}，更新 {changes.updated}，"
        f"保留 {changes.kept}，删除 {changes.removed}"
    )


def _forgotten(result: IngestionResult) -> str:
    """Say that refusals of an earlier run are not listed again."""
    refused = sum(source.refused_count for source in result.skipped)
    return f"（当时拒绝的 {refused} 条记录不再列出；不加 --resume 重新运行可见）" if refused else ""
