"""Decides how JSON and JSON lines become records: a list of objects, an object around one, one in each line."""

import json
from dataclasses import replace
from typing import Any

from knowledge.formats.corpus_file import CorpusFile
from knowledge.formats.field_names import NAMES
from knowledge.formats.fields import Place, frame_of, read_value
from knowledge.formats.json_stream import JsonStream
from knowledge.outlining.records import ParsedItems, Refusal

_LIST_KEYS = ("passages", "records")
# Under these names a list of texts is a poem, a list of objects are the parts of a work.
_PART_KEYS = ("content", "paragraphs", "chapters", "sections")


def read_json_lines(file: CorpusFile, work_title: str | None) -> ParsedItems:
    """Yield the records of a file with one JSON object in each line; a broken line is refused alone."""
    defaults = {"work": work_title or file.title}
    for number, line in file.lines():
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield Refusal(file.name, number, f"不是有效的 JSON：{_where(error)}")
            continue
        yield from read_value(value, Place(file, number, defaults))


def read_json(file: CorpusFile, work_title: str | None) -> ParsedItems:
    """Yield the records of a list of objects, of an object whose ``passages`` are such a list, or of one object.

    The list is read element by element; what stands around it is read first, wherever it stands.
    """
    fallback = work_title or file.title
    with file.open() as text:
        stream = JsonStream(text)
        if stream.peek() == "[":
            for index, (line, value) in enumerate(stream.elements()):
                yield from read_value(value, Place(file, line, {"work": fallback}, index=index))
            yield from _rest(stream, file)
            return
    values, list_key, line = _frame(file)
    place = Place(file, line, {"work": fallback})
    if list_key is None:
        yield from read_value(values, place)
        return
    if besides := sorted(key for key, value in values.items() if value and _holds_texts(key, value)):
        reason = f"“{list_key}”之外的{'、'.join(besides)}没有导入；正文请都放进一个列表。"
        yield Refusal(file.name, line, reason)
    yield from _listed(file, list_key, frame_of(values, place))


def _frame(file: CorpusFile) -> tuple[dict[str, Any], str | None, int]:
    """Read the outer object but for its list of records; return its values, the list's key, its own line."""
    values: dict[str, Any] = {}
    list_key = None
    with file.open() as text:
        stream = JsonStream(text)
        line = stream.line
        for key in stream.members():
            if list_key is None and _opens_records(stream, key):
                list_key = key
                for _element in stream.elements():
                    pass
            else:
                values[key] = stream.value()
        if stream.peek():
            raise stream.broken("结尾之后还有内容")
    return values, list_key, line


def _opens_records(stream: JsonStream, key: str) -> bool:
    return (key in _LIST_KEYS and stream.peek() == "[") or (key in _PART_KEYS and stream.opens_objects())


def _holds_texts(key: str, value: object) -> bool:
    return key in NAMES["text"] or (key in (*_LIST_KEYS, *_PART_KEYS) and isinstance(value, list))


def _listed(file: CorpusFile, list_key: str, frame: Place) -> ParsedItems:
    with file.open() as text:
        stream = JsonStream(text)
        for key in stream.members():
            if key != list_key:
                stream.value()
                continue
            for index, (line, value) in enumerate(stream.elements()):
                yield from read_value(value, replace(frame, line=line, index=index))
            return


def _rest(stream: JsonStream, file: CorpusFile) -> ParsedItems:
    if stream.peek():
        yield Refusal(file.name, stream.line, "JSON 的列表已经结束，其后的内容没有导入。")


def _where(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"第 {error.colno} 列附近不合语法"
    return "嵌套太深或数值无效"
