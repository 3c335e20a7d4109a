"""Writes a work to a file that can be ingested again without loss: ``manage.py export_work``."""

import shutil
from argparse import ArgumentParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from knowledge.errors import ExportRefused
from knowledge.exporting.export import Export, export_work, file_name
from knowledge.exporting.export_formats import ExportFormat
from knowledge.management.choosing import add_work_arguments, choose_work


class Command(BaseCommand):
    help = "把一部典籍导出为文件；文件再导入一次，内容不变。不写 --output 时打印在标准输出。"

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
        with TemporaryDirectory(dir=output.parent if output else None) as folder:
            written = Path(folder) / f"work{export_format.suffix}"
            try:
                export = export_work(work=work, export_format=export_format, path=written)
            except ExportRefused as refused:
                raise CommandError(refused.message) from refused
            if output is None:
                with written.open(encoding="utf-8", newline="") as file:
                    shutil.copyfileobj(file, self.stdout)
            else:
                written.replace(output)
        self._tell(export, output)

    def _tell(self, export: Export, output: Path | None) -> None:
        if output is not None:
            self.stdout.write(f"已导出 {export.passages} 段到 {output}。")
        if export.recut:
            self.stderr.write(f"{export.recut} 段长文与现行分段规则不同，再导入时会重新分段，文字不变。")


def _format(name: str | None, output: Path | None) -> ExportFormat:
    if name:
        return ExportFormat(name)
    suffix = output.suffix.lower() if output else ""
    return next((each for each in ExportFormat if each.suffix == suffix), ExportFormat.MARKDOWN)
