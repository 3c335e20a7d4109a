"""Decides how a file becomes records: its format by its name, its encoding, and what makes a record unfit."""

from pathlib import Path

from knowledge.errors import CorpusFileRefused
from knowledge.folding import is_cjk
from knowledge.formats.json_records import read_json, read_json_lines
from knowledge.formats.markdown import read_markdown
from knowledge.formats.plain import read_plain
from knowledge.models import Category, Section, Work
from knowledge.records import ParsedItems, Record, Refusal

READERS = {
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".txt": read_plain,
    ".json": read_json,
    ".jsonl": read_json_lines,
    ".ndjson": read_json_lines,
}
_TITLE_LIMIT = Work._meta.get_field("title").max_length or 0
_SECTION_LIMIT = Section._meta.get_field("title").max_length or 0
_PATH_LIMIT = Section._meta.get_field("path").max_length or 0


def read_file(path: Path, *, name: str | None = None, work_title: str | None = None) -> ParsedItems:
    """Yield the file's records in order, and a refusal for each that is unfit.

    ``name`` is what the file is called where ``path`` is only its storage. ``work_title`` names the work
    where the file does not. Raises ``CorpusFileRefused`` when the file as a whole cannot be read.
    """
    name = name or path.name
    reader = READERS.get(Path(name).suffix.lower())
    if reader is None:
        raise CorpusFileRefused(f"不支持“{Path(name).suffix}”格式；目前支持 {'、'.join(READERS)}。")
    content = decode(path.read_bytes())
    for item in reader(content, name, work_title):
        yield _checked(item, name) if isinstance(item, Record) else item


def decode(data: bytes) -> str:
    """Decode UTF-8, with or without a byte order mark, and unify the line ends."""
    try:
        content = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorpusFileRefused(
            f"文件不是 UTF-8 编码（字节偏移 {error.start} 处无法解读），请另存为 UTF-8 后再导入。"
        ) from error
    return content.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _checked(record: Record, name: str) -> Record | Refusal:
    reason = _unfit(record)
    return Refusal(name, record.line, reason) if reason else record


def _unfit(record: Record) -> str:
    """Return why the record cannot be stored, or "" if it can."""
    if not any(map(is_cjk, record.text)):
        return "没有汉字。"
    values = (record.text, record.work.title, *(heading.title for heading in record.headings))
    if any("\x00" in value for value in values):
        return "含有空字符（U+0000），可能不是文本。"
    if any("\ud800" <= character <= "\udfff" for value in values for character in value):
        return "含有不成对的代理码位，无法保存。"
    if not record.work.title.strip() or len(record.work.title) > _TITLE_LIMIT:
        return f"书名为空或超过 {_TITLE_LIMIT} 字。"
    if any(not heading.title or len(heading.title) > _SECTION_LIMIT for heading in record.headings):
        return f"篇名为空或超过 {_SECTION_LIMIT} 字。"
    if len("·".join(heading.title for heading in record.headings)) > _PATH_LIMIT:
        return f"各级篇名合计超过 {_PATH_LIMIT} 字。"
    if record.work.category and record.work.category not in Category.values:
        return f"部类“{record.work.category}”不在{'、'.join(Category.values)}之中。"
    return ""
