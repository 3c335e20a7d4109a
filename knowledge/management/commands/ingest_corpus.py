"""Loads files and folders into the corpus: ``manage.py ingest_corpus PATH…``."""

import os
from argparse import ArgumentParser
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from knowledge.errors import CorpusFileRefused, EmbeddingUnavailable
from knowledge.formats import SUFFIXES, Format, Source, discover, left_out
from knowledge.ingestion.loading import IngestionResult, ingest_sources
from knowledge.ingestion.parsing_pool import suggest_workers
from knowledge.ingestion.refusal_report import RefusalReport, is_report, open_report
from knowledge.management.arguments import positive
from knowledge.management.bars import stage_bars
from knowledge.management.ingestion_output import IngestionOutput
from knowledge.management.output_files import open_output
from knowledge.vectors.filling import embed_missing

_FORMATS = [each.value for each in Format if each is not Format.UNKNOWN]
_INTERRUPTED = 130


class Command(BaseCommand):
    help = (
        f"把 {'、'.join(SUFFIXES)} 文件（或其文件夹）载入典籍库，格式与编码自动识别；"
        "重复导入同样的内容不会改变任何东西，中断后加 --resume 接着做。"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="文件或文件夹")
        parser.add_argument(
            "--format", choices=_FORMATS, metavar="格式", help=f"不自动识别，按此读取：{'、'.join(_FORMATS)}"
        )
        parser.add_argument(
            "--work", default="", metavar="书名", help="文件里没有写明书名时使用；只能用于一个来源"
        )
        parser.add_argument("--edition", default="", metavar="版本", help="文件里没有写明版本时使用")
        parser.add_argument("--no-embed", action="store_true", help="只载入文字，不生成向量")
        parser.add_argument("--dry-run", action="store_true", help="只检查文件，不写入数据库")
        parser.add_argument("--workers", type=positive, metavar="N", help="用 N 个进程解析；默认按数据量决定")
        parser.add_argument(
            "--resume", action="store_true", help="跳过完整导入过、内容没有变化的来源，连解析也省去"
        )
        parser.add_argument("--report", type=Path, metavar="文件.csv", help="把每条被拒绝的记录写进 CSV")

    def handle(self, *args: Any, **options: Any) -> None:
        report: Path | None = options["report"]
        sources = _find_sources(options["paths"], options["format"], report)
        if options["work"] and len(sources) > 1:
            raise CommandError("--work 只能用于一个来源。")
        others = [file for file in left_out(options["paths"], sources) if not _is_same(file, report)]
        with ExitStack() as stack:
            opened = stack.enter_context(open_output(report, open_report(report))) if report else None
            result = self._ingest(sources, others, opened, options)
        if result.works and not options["dry_run"] and not options["no_embed"]:
            self._embed(result)
        if failed := len({source for source, _reason in result.failed}):
            raise CommandError(
                f"{failed} 个来源没有载入或没有完整载入，其余 {len(sources) - failed} 个已处理。",
                returncode=1,
            )

    def _ingest(
        self,
        sources: list[Source],
        others: list[Path],
        report: RefusalReport | None,
        options: dict[str, Any],
    ) -> IngestionResult:
        output = IngestionOutput(
            self, sources, report, dry_run=options["dry_run"], verbosity=options["verbosity"]
        )
        try:
            output.leave_out(others)
            result = ingest_sources(
                sources=sources,
                work_title=options["work"],
                edition=options["edition"],
                workers=options["workers"] or suggest_workers(sources),
                resume=options["resume"],
                dry_run=options["dry_run"],
                listener=output,
            )
        except KeyboardInterrupt as interrupt:
            message = "已中断。载入的典籍都在；加 --resume 接着做。"
            raise CommandError(message, returncode=_INTERRUPTED) from interrupt
        finally:
            output.close()
        output.summarise(result)
        return result

    def _embed(self, result: IngestionResult) -> None:
        titles = sorted({work.title for work in result.works})
        try:
            with stage_bars() as report:
                stored = embed_missing(work_titles=titles, on_progress=report)
        except EmbeddingUnavailable as unavailable:
            self.stderr.write(f"文字已载入，可按字句检索；向量没有生成：{unavailable.message}")
            return
        except KeyboardInterrupt as interrupt:
            message = "已中断。文字都已载入，可按字句检索；向量由后台补全，或用 embed_corpus 接着做。"
            raise CommandError(message, returncode=_INTERRUPTED) from interrupt
        self.stdout.write(f"已生成 {stored} 条向量。")


def _find_sources(paths: list[Path], format: str | None, report: Path | None) -> list[Source]:
    """Return what is to be loaded; the report of an earlier run is not, wherever it lies."""
    try:
        sources = discover(paths, format=Format(format) if format else None)
    except CorpusFileRefused as refused:
        raise CommandError(refused.message) from refused
    replaced = [
        source for source in sources if any(_is_same(source.root / file, report) for file in source.files)
    ]
    if report and replaced and not is_report(report):
        raise CommandError(f"--report 会覆盖要导入的文件 {report}；请换一个文件名。")
    sources = [source for source in sources if source not in replaced]
    if not sources:
        raise CommandError(f"{'、'.join(map(str, paths))} 里没有可以导入的文件。")
    return sources


def _is_same(file: Path, report: Path | None) -> bool:
    # Path.resolve would raise for a link that leads to itself.
    return report is not None and os.path.realpath(file) == os.path.realpath(report)
