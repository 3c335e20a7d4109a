"""Decides whether a work may leave the corpus as a file: only if reading the file gives the very same work.

The product's own reader reads back what was written, so that no list of what a format cannot carry is needed,
nor can one be wrong.
"""

from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from knowledge.errors import CorpusFileRefused, ExportRefused
from knowledge.exporting.export_formats import ExportFormat, write_work
from knowledge.exporting.work_texts import Text, outlined_texts, stored_texts
from knowledge.formats import read_file
from knowledge.models import Work
from knowledge.outlining.outline import WorkOutline, outline_works
from knowledge.outlining.records import Record, WorkDetails

_UNSAFE_IN_NAMES = str.maketrans(dict.fromkeys('/\\:*?"<>|\n', "_"))


@dataclass(frozen=True)
class Export:
    """What was exported; ``recut`` texts are too long for one passage and will be cut elsewhere when they are read."""

    passages: int
    recut: int
    export_format: ExportFormat

    @property
    def caution(self) -> str:
        """What whoever loads the file again must know, "" if there is nothing."""
        if not self.recut:
            return ""
        advice = (
            "Markdown 记不下一篇原来是怎样分行的，要原样导回请改用 jsonl 格式。"
            if self.export_format is ExportFormat.MARKDOWN
            else "它们不是按现行的分段规则切开的。"
        )
        return (
            f"其中 {self.recut} 篇长文再导入时会重新分段：文字不变，"
            f"但段落的编号与向量换新，读者的摘抄不再指向原文。{advice}"
        )


def export_work(*, work: Work, export_format: ExportFormat, path: Path) -> Export:
    """Write the work to a file and read it back; the file's name must end as the format's files do.

    Passages are streamed; only the reader holds the work whole, as ingestion does. Raises ``ExportRefused``,
    and leaves no file, where the format cannot carry the work unchanged.
    """
    try:
        with path.open("w", encoding=export_format.encoding, newline="") as file:
            write_work(work, stored_texts(work), file, export_format)
        return _compare(work, _read(path, export_format), export_format)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def file_name(work: Work, export_format: ExportFormat) -> str:
    """Return what the file is called: the title, and the edition where there is one."""
    stem = f"{work.title}（{work.edition}）" if work.edition else work.title
    return stem.translate(_UNSAFE_IN_NAMES) + export_format.suffix


def _read(path: Path, export_format: ExportFormat) -> WorkOutline:
    """Read the file as ingestion would; it must hold one work, and nothing that is refused."""
    records: list[Record] = []
    try:
        for item in read_file(path):
            if not isinstance(item, Record):
                raise _refusal(export_format, f"第 {item.line} 行：{item.reason}")
            records.append(item)
    except CorpusFileRefused as refused:
        raise _refusal(export_format, refused.message) from refused
    outlines = list(outline_works(records))
    if len(outlines) != 1:
        raise _refusal(export_format, "典籍没有文字" if not outlines else "书名不一致")
    return outlines[0]


def _compare(work: Work, outline: WorkOutline, export_format: ExportFormat) -> Export:
    if outline.details != _details(work):
        raise _refusal(export_format, "书名、作者、来源等项")
    passages = recut = 0
    for stored, read in zip_longest(stored_texts(work), outlined_texts(outline)):
        if stored is None or read is None or not stored.holds_the_same(read):
            raise _refusal(export_format, _place(stored or read))
        passages += len(stored.pieces)
        recut += (stored.pieces, stored.translations) != (read.pieces, read.translations)
    return Export(passages, recut, export_format)


def _details(work: Work) -> WorkDetails:
    return WorkDetails(
        title=work.title,
        aliases=tuple(work.aliases),
        author=work.author,
        dynasty=work.dynasty,
        category=work.category,
        edition=work.edition,
        license=work.license,
        source=work.source,
    )


def _place(text: Text) -> str:
    section = "·".join(step.title for step in text.steps)
    return f"{section}“{text.whole[:20]}”"


def _refusal(export_format: ExportFormat, what: str) -> ExportRefused:
    if export_format is ExportFormat.JSONL:
        return ExportRefused(f"导出的内容读回来与库中不一致：{what}。请检查这部典籍，或重新导入原文件。")
    return ExportRefused(f"{export_format.value} 格式容不下这部典籍：{what}。请改用 jsonl 格式。")
