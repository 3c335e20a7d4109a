"""Writes a work to a file that can be ingested again without loss: ``manage.py export_work``."""

from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from knowledge.errors import ExportRefused
from knowledge.exporting.export import Export, export_work, file_name
from knowledge.exporting.export_formats import ExportFormat
from knowledge.management.choosing import add_work_arguments, choose_work
from knowledge.management.output_files import unwritable
from knowledge.models import Work

_CHARACTERS_AT_ONCE = 1 << 16


class Command(BaseCommand):
    help = (
        "把一部典籍导出为文件，再导入一次文字不变；要连分段也原样导回，用 jsonl。"
        "不写 --output 时打印在标准输出。"
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_work_arguments(parser)
        parser.add_argument(
            "--format",
            choices=[each.value for each in ExportFormat],
            help="默认由 --output 的扩展名决定，否则为 markdown；含译文、注疏的典籍用 jsonl",
        )
        parser.add_argument(
            "--output", type=Path, metavar="文件", help="写到这个文件；若是文件夹，文件以书名命名"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        work = choose_work(options)
        output: Path | None = options["output"]
        export_format = _format(options["format"], output)
        if output is not None and output.is_dir():
            output /= file_name(work, export_format)
        try:
            self._export(work, export_format, output)
        except ExportRefused as refused:
            raise CommandError(refused.message) from refused
        except OSError as error:
            if output is None:
                raise
            raise unwritable(output, error) from error

    def _export(self, work: Work, export_format: ExportFormat, output: Path | None) -> None:
        with TemporaryDirectory(dir=output.parent if output else None) as folder:
            written = Path(folder) / f"work{export_format.suffix}"
            export = export_work(work=work, export_format=export_format, path=written)
            if output is None:
                self._print(written)
            else:
                written.replace(output)
        self._tell(export, output)

    def _print(self, written: Path) -> None:
        with written.open(encoding="utf-8", newline="") as file:
            while part := file.read(_CHARACTERS_AT_ONCE):
                # Django ends each writing with a line break of its own, unless it is told otherwise.
                self.stdout.write(part, ending="")

    def _tell(self, export: Export, output: Path | None) -> None:
        if output is not None:
            self.stdout.write(f"已导出 {export.passages} 段到 {output}。")
        if export.caution:
            self.stderr.write(export.caution)


def _format(name: str | None, output: Path | None) -> ExportFormat:
    if name:
        return ExportFormat(name)
    suffix = output.suffix.lower() if output else ""
    return next((each for each in ExportFormat if each.suffix == suffix), ExportFormat.MARKDOWN)
