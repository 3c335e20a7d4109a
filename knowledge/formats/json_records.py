"""Decides how JSON and JSON lines become records: objects with a text and perhaps its place."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from knowledge.errors import CorpusFileRefused
from knowledge.records import Heading, ParsedItems, Record, Refusal, WorkDetails

_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
_TEXT_KEYS = ("text", "content", "paragraphs")
_LIST_KEYS = ("passages", "records")
_KINDS = {"root", "commentary", "translation"}


class _Unfit(Exception):
    """Why one record is refused."""


def read_json_lines(content: str, name: str, work_title: str | None) -> ParsedItems:
    """Yield the records of a file with one JSON object in each line; a broken line is refused alone."""
    defaults = {"work": work_title or Path(name).stem}
    for number, line in enumerate(content.split("\n"), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield Refusal(name, number, f"不是有效的 JSON：{_where(error)}")
            continue
        yield from _records(value, number, name, defaults)


def read_json(content: str, name: str, work_title: str | None) -> ParsedItems:
    """Yield the records of a list of objects, or of an object whose ``passages`` are such a list."""
    fallback = work_title or Path(name).stem
    start = _skip_space(content, 0)
    if content[start : start + 1] == "[":
        defaults: dict[str, Any] = {"work": fallback}
        elements = list(_elements(content, start))
    else:
        values, elements = _object(content, start)
        defaults = {"work": values.pop("title", None) or fallback, **values}
    for line, value in elements:
        yield from _records(value, line, name, defaults)


def _elements(content: str, start: int) -> Iterator[tuple[int, Any]]:
    """Decode a list element by element, each with the line on which it begins."""
    position = _skip_space(content, start + 1)
    line, counted = content.count("\n", 0, position) + 1, position
    while content[position : position + 1] != "]":
        line, counted = line + content.count("\n", counted, position), position
        value, position = _decode(content, position)
        yield line, value
        position = _skip_space(content, position)
        if content[position : position + 1] == ",":
            position = _skip_space(content, position + 1)
        elif content[position : position + 1] != "]":
            raise _broken(content, position, "缺少逗号或结尾的“]”")


def _object(content: str, position: int) -> tuple[dict[str, Any], list[tuple[int, Any]]]:
    """Decode the outer object; return its values, and the elements of its list of records."""
    if content[position : position + 1] != "{":
        raise _broken(content, position, "应为对象列表，或含有 passages 列表的对象")
    outer, _end = _decode(content, position)
    key = next((key for key in _LIST_KEYS if isinstance(outer.get(key), list)), None)
    if key is None:
        return {}, [(content.count("\n", 0, position) + 1, outer)]
    start = _list_position(content, position, key)
    return {name: value for name, value in outer.items() if name != key}, list(_elements(content, start))


def _list_position(content: str, position: int, wanted: str) -> int:
    """Walk through the keys of a valid object to the value of the wanted one."""
    position = _skip_space(content, position + 1)
    while True:
        key, position = _decode(content, position)
        position = _skip_space(content, _skip_space(content, position) + 1)
        if key == wanted and content[position] == "[":
            return position
        _value, position = _decode(content, position)
        position = _skip_space(content, _skip_space(content, position) + 1)


def _records(value: Any, line: int, name: str, defaults: dict[str, Any]) -> ParsedItems:
    own = value if isinstance(value, dict) else {"text": value}
    try:
        work, headings, texts = _work(own, defaults), _headings(own, line), _texts(own)
        kind = _string(own, "kind") or "root"
        if kind not in _KINDS:
            raise _Unfit(f"kind “{kind}”不在 {'、'.join(sorted(_KINDS))} 之中。")
    except _Unfit as reason:
        yield Refusal(name, line, str(reason))
        return
    for text in texts:
        yield Record(work, headings, text, line, kind)


def _work(own: dict[str, Any], defaults: dict[str, Any]) -> WorkDetails:
    """Read what the record says about its work; the author of a titled record is the poem's own."""
    poem_keys = {"author", "dynasty"} if own.get("title") else set()
    fields = {**defaults, **{key: value for key, value in own.items() if key not in poem_keys and value}}
    aliases = fields.get("aliases") or []
    if isinstance(aliases, str):
        aliases = aliases.split("、")
    if not isinstance(aliases, list) or not all(isinstance(alias, str) for alias in aliases):
        raise _Unfit("aliases 应为文字列表。")
    return WorkDetails(
        title=_string(fields, "work"),
        aliases=tuple(filter(None, (alias.strip() for alias in aliases))),
        author=_string(fields, "author"),
        dynasty=_string(fields, "dynasty"),
        category=_string(fields, "category"),
        edition=_string(fields, "edition"),
        license=_string(fields, "license"),
        source=_string(fields, "source"),
    )


def _headings(fields: dict[str, Any], line: int) -> tuple[Heading, ...]:
    """Build the way to the text: chapter, section, and last the title of a poem, which has its own author."""
    titles: list[str] = []
    for key in ("chapter", "section"):
        value = fields.get(key)
        titles += [_string({key: part}, key) for part in (value if isinstance(value, list) else [value])]
    headings = [Heading(title) for title in titles if title]
    if title := _string(fields, "title"):
        headings.append(Heading(title, _string(fields, "author"), _string(fields, "dynasty"), number=line))
    return tuple(headings)


def _texts(fields: dict[str, Any]) -> list[str]:
    """Return the texts of a record: the lines of a titled poem are one text, other paragraphs one each."""
    key = next((key for key in _TEXT_KEYS if fields.get(key)), None)
    if key is None:
        raise _Unfit(f"没有文字：{'、'.join(_TEXT_KEYS)} 都不存在或为空。")
    value = fields[key]
    parts = value if isinstance(value, list) else [value]
    if not all(isinstance(part, str) for part in parts):
        raise _Unfit(f"{key} 应为文字或文字列表。")
    parts = [part.strip() for part in parts if part.strip()]
    return ["\n".join(parts)] if fields.get("title") else (parts or [""])


def _string(fields: dict[str, Any], key: str) -> str:
    value = fields.get(key)
    if value is not None and not isinstance(value, str):
        raise _Unfit(f"{key} 应为文字。")
    return (value or "").strip()


def _decode(content: str, position: int) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(content, position)
    except (ValueError, RecursionError) as error:
        raise _broken(content, getattr(error, "pos", position), _where(error)) from error


def _skip_space(content: str, position: int) -> int:
    match = _SPACE.match(content, position)
    return match.end() if match else position


def _broken(content: str, position: int, reason: str) -> CorpusFileRefused:
    line = content.count("\n", 0, position) + 1
    return CorpusFileRefused(f"JSON 有误：第 {line} 行，{reason}。请修正后重新导入。")


def _where(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"第 {error.colno} 列附近不合语法"
    return "嵌套太深或数值无效"
