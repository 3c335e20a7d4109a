"""Loads files and folders into the corpus: ``manage.py ingest_corpus PATH…``."""

from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from knowledge import services
from knowledge.errors import CorpusFileRefused, EmbeddingUnavailable
from knowledge.formats import READERS
from knowledge.services import IngestionResult, LoadedWork, Stage


class Command(BaseCommand):
    help = "把文本、Markdown、JSON、JSONL 文件（或其文件夹）载入典籍库；重复导入同样的内容不会改变任何东西。"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="文件或文件夹")
        parser.add_argument("--work", metavar="书名", help="文件里没有写明书名时使用；只能用于一个文件")
        parser.add_argument("--no-embed", action="store_true", help="只载入文字，不生成向量")
        parser.add_argument("--dry-run", action="store_true", help="只检查文件，不写入数据库")

    def handle(self, *args: Any, **options: Any) -> None:
        files = list(_find_files(options["paths"]))
        if options["work"] and len(files) > 1:
            raise CommandError("--work 只能用于一个文件。")
        failed, seen = 0, dict[str, Path]()
        for path in files:
            try:
                self._ingest(path, seen, work_title=options["work"], dry_run=options["dry_run"])
            except CorpusFileRefused as refused:
                failed += 1
                self.stderr.write(f"{path}：{refused.message}")
        if seen and not options["dry_run"] and not options["no_embed"]:
            self._embed(list(seen))
        if failed:
            raise CommandError(
                f"{failed} 个文件没有载入，其余 {len(files) - failed} 个已处理。", returncode=1
            )

    def _ingest(self, path: Path, seen: dict[str, Path], *, work_title: str | None, dry_run: bool) -> None:
        outlines, refusals = services.parse_file(path, name=path.name, work_title=work_title)
        for outline in outlines:
            if earlier := seen.get(outline.details.title):
                raise CorpusFileRefused(
                    f"《{outline.details.title}》已由 {earlier} 载入；一部书请放在一个文件里。"
                )
        with _Bar(path.name) as bar:
            result = services.ingest_outlines(
                outlines, refusals=refusals, origin=path.name, on_progress=bar.report, dry_run=dry_run
            )
        seen.update((work.title, path) for work in result.works)
        self._report(path, result, dry_run=dry_run)

    def _report(self, path: Path, result: IngestionResult, *, dry_run: bool) -> None:
        for work in result.works:
            self.stdout.write(f"{path}：{_describe(work, dry_run=dry_run)}")
        for refusal in result.refusals:
            self.stdout.write(f"  拒绝 {path} 第 {refusal.line} 行：{refusal.reason}")

    def _embed(self, titles: list[str]) -> None:
        try:
            with _Bar("向量") as bar:
                stored = services.embed_missing(work_titles=titles, on_progress=bar.report)
        except EmbeddingUnavailable as unavailable:
            self.stderr.write(f"文字已载入，可按字句检索；向量没有生成：{unavailable.message}")
            return
        self.stdout.write(f"已生成 {stored} 条向量。")


class _Bar:
    """A progress bar that a service can report to."""

    def __init__(self, title: str) -> None:
        self._bar = tqdm(desc=title, unit="段", disable=None)

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.close()

    def report(self, _stage: Stage, processed: int, total: int) -> None:
        self._bar.total = total
        self._bar.update(processed - self._bar.n)


def _find_files(paths: list[Path]) -> Iterator[Path]:
    """Yield the files, and those of the folders whose format is known, in the order of their names."""
    for path in paths:
        if path.is_dir():
            found = sorted(
                file for file in path.rglob("*") if file.is_file() and file.suffix.lower() in READERS
            )
            if not found:
                raise CommandError(f"{path} 里没有 {'、'.join(READERS)} 文件。")
            yield from found
        elif path.is_file():
            yield path
        else:
            raise CommandError(f"找不到 {path}。")


def _describe(work: LoadedWork, *, dry_run: bool) -> str:
    if dry_run:
        return f"《{work.title}》{work.passages} 段，检查通过，未写入。"
    if work.unchanged:
        return f"《{work.title}》{work.passages} 段，内容没有变化。"
    changes = work.changes
    return (
        f"《{work.title}》{work.passages} 段：新增 {changes.added}，移动 {changes.moved}，"
        f"保留 {changes.kept}，删除 {changes.removed}。"
    )
