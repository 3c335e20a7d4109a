"""Decides how a word list looks as a CSV file: what a spreadsheet writes, and what one opens."""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass

from chat.errors import WordRefused
from chat.models import SensitiveWord
from chat.moderation.words import check_word

COLUMNS = ("词语", "类别", "处置", "启用", "备注")
_KEYS = ("word", "category", "action", "is_active", "note")
_NAMES = dict(zip(COLUMNS, _KEYS, strict=True)) | dict(zip(_KEYS, _KEYS, strict=True))
_ACTIONS = {label: value for value, label in SensitiveWord.Action.choices} | {
    value: value for value in SensitiveWord.Action.values
}
_YES, _NO = frozenset({"是", "1", "true", "yes"}), frozenset({"否", "0", "false", "no"})
_ENCODINGS = ("utf-8-sig", "gb18030")


@dataclass(frozen=True)
class WordEntry:
    """A line of a word list. Columns that the file lacks are None: they leave a known word as it is."""

    word: str
    category: str | None = None
    action: str | None = None
    is_active: bool | None = None
    note: str | None = None


def read_entries(content: bytes) -> list[WordEntry]:
    """Read a CSV file with a heading, of which only 「词语」 is needed; a word that comes twice counts as it came last.

    Raises WordRefused, which names the line.
    """
    rows = csv.reader(io.StringIO(_decode(content), newline=""))
    entries: dict[str, WordEntry] = {}
    try:
        heading = [_NAMES.get(name.strip().lower(), "") for name in next(rows, [])]
        if "word" not in heading:
            raise WordRefused("要写列名，其中要有「词语」一列。")
        for row in rows:
            if any(cell.strip() for cell in row):
                entry = _entry(dict(zip(heading, (cell.strip() for cell in row), strict=False)))
                entries[entry.word] = entry
    except (WordRefused, csv.Error) as error:
        raise WordRefused(f"第 {rows.line_num} 行：{error}") from error
    return list(entries.values())


def write_entries(words: Iterable[SensitiveWord]) -> str:
    """Return the words as a CSV file that ``read_entries`` reads back unchanged."""
    file = io.StringIO(newline="")
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    for word in words:
        is_active = "是" if word.is_active else "否"
        writer.writerow((word.word, word.category, word.get_action_display(), is_active, word.note))
    return file.getvalue()


def _decode(content: bytes) -> str:
    for encoding in _ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise WordRefused("文件既不是 UTF-8 也不是 GB18030 编码，请另存为 UTF-8 的 CSV。")


def _entry(row: dict[str, str]) -> WordEntry:
    word = row.get("word", "")
    check_word(word)
    action = row.get("action") or None
    if action is not None and action not in _ACTIONS:
        raise WordRefused(f"处置「{action}」不认识，请写「拦截」或「标记复核」。")
    return WordEntry(
        word=word,
        category=_text(row, "category"),
        action=None if action is None else _ACTIONS[action],
        is_active=_is_active(row.get("is_active") or None),
        note=_text(row, "note"),
    )


def _text(row: dict[str, str], key: str) -> str | None:
    text = row.get(key)
    limit = getattr(SensitiveWord._meta.get_field(key), "max_length", None)
    if text is not None and limit is not None and len(text) > limit:
        raise WordRefused(f"「{text[:10]}…」太长：至多 {limit} 个字。")
    return text


def _is_active(text: str | None) -> bool | None:
    if text is None:
        return None
    if text.lower() not in _YES | _NO:
        raise WordRefused(f"启用「{text}」不认识，请写「是」或「否」。")
    return text.lower() in _YES
