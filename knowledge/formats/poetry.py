"""Decides how the collections of chinese-poetry become works: which files are one work, and what their keys mean."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from knowledge.folding import fold
from knowledge.formats.corpus_file import CorpusFile
from knowledge.formats.field_names import NAMES
from knowledge.formats.fields import Place, read_value
from knowledge.formats.json_stream import JsonStream
from knowledge.formats.note_marks import strip_note_marks
from knowledge.outlining.records import ParsedItems, Refusal

_CLASSICS, _MASTERS, _COLLECTIONS = "经部", "子部", "集部"


@dataclass(frozen=True)
class Collection:
    """One work of the corpus; ``files`` matches folder and name of each of its files."""

    files: re.Pattern[str]
    title: str
    author: str = ""
    dynasty: str = ""
    category: str = _COLLECTIONS
    edition: str = ""


def _collection(files: str, title: str, *details: str) -> Collection:
    return Collection(re.compile(files), title, *details)


COLLECTIONS = (
    _collection(
        r"(?:yudingquantangshi/json|御定全唐詩/json|御定全唐诗/json)/\d+\.json", "御定全唐诗", "", "唐"
    ),
    _collection(r"[^/]*/poet\.tang\.\d+\.json", "全唐诗", "", "唐"),
    _collection(r"[^/]*/poet\.song\.\d+\.json", "全宋诗", "", "宋"),
    _collection(r"[^/]*/ci\.song\.\d+y?\.json", "全宋词", "", "宋"),
    _collection(r"[^/]*/唐诗三百首\.json", "唐诗三百首", "", "唐"),
    _collection(r"[^/]*/唐诗补录\.json", "唐诗补录", "", "唐"),
    _collection(r"[^/]*/宋词三百首\.json", "宋词三百首", "", "宋"),
    _collection(r"[^/]*/shuimotangshi\.json", "水墨唐诗", "", "唐"),
    _collection(r"[^/]*/huajianji-[^/]*\.json", "花间集", "", "五代"),
    _collection(r"nantang/poetrys\.json", "南唐二主词", "", "五代"),
    _collection(r"[^/]*/caocao\.json", "曹操诗集", "曹操", "东汉"),
    _collection(r"[^/]*/chuci\.json", "楚辞", "", "先秦"),
    _collection(r"[^/]*/shijing\.json", "诗经", "", "先秦", _CLASSICS),
    _collection(r"[^/]*/lunyu\.json", "论语", "孔子弟子", "春秋", _CLASSICS),
    _collection(r"[^/]*/daxue\.json", "大学", "", "", _CLASSICS),
    _collection(r"[^/]*/zhongyong\.json", "中庸", "", "", _CLASSICS),
    _collection(r"[^/]*/mengzi\.json", "孟子", "孟子", "战国", _CLASSICS),
    _collection(r"[^/]*/yuanqu\.json", "元曲", "", "元"),
    _collection(r"[^/]*/纳兰性德诗集\.json", "纳兰性德诗集", "纳兰性德", "清"),
    _collection(r"[^/]*/youmengying\.json", "幽梦影", "张潮", "清", _MASTERS),
    _collection(r"mengxue/baijiaxing\.json|蒙学/baijiaxing\.json", "百家姓", "佚名", "北宋", _MASTERS),
    _collection(r"(?:mengxue|蒙学)/dizigui\.json", "弟子规", "李毓秀", "清", _MASTERS),
    _collection(r"(?:mengxue|蒙学)/guwenguanzhi\.json", "古文观止", "", "清"),
    _collection(r"(?:mengxue|蒙学)/qianjiashi\.json", "千家诗"),
    _collection(r"(?:mengxue|蒙学)/qianziwen\.json", "千字文", "周兴嗣", "南北朝", _MASTERS),
    _collection(r"(?:mengxue|蒙学)/sanzijing-new\.json", "三字经", "王应麟", "南宋", _MASTERS, "新版"),
    _collection(
        r"(?:mengxue|蒙学)/sanzijing-traditional\.json", "三字经", "王应麟", "南宋", _MASTERS, "传统版"
    ),
    _collection(r"(?:mengxue|蒙学)/shenglvqimeng\.json", "声律启蒙", "车万育", "清", _MASTERS),
    _collection(r"(?:mengxue|蒙学)/tangshisanbaishou\.json", "唐诗三百首", "", "唐", _COLLECTIONS, "蒙学本"),
    _collection(r"(?:mengxue|蒙学)/wenzimengqiu\.json", "文字蒙求", "王筠", "清", _CLASSICS),
    _collection(r"(?:mengxue|蒙学)/youxueqionglin\.json", "幼学琼林", "程登吉", "明", _MASTERS),
    _collection(r"(?:mengxue|蒙学)/zengguangxianwen\.json", "增广贤文", "佚名", "明", _MASTERS),
    _collection(r"(?:mengxue|蒙学)/zhuzijiaxun\.json", "朱子家训", "朱柏庐", "清", _MASTERS),
)
# Authors' lives, patterns of tones, popularity and known faults: no texts.
_NO_TEXTS = re.compile(
    r"(?:^|/)(?:strains|rank|error)/|\.rank\.|/authors?(?:\.\w+)?\.json$|/表面结构字\.json$|nantang/intro\.json$"
)
_BESIDES_TEXT = ("source", "tags", "biography", "abstract", "origin", "spells", "id", "desc")


def find_collection(path: Path) -> Collection | None:
    """Return the collection to which a file belongs by its folder and name, or None."""
    if holds_no_texts(path):
        return None
    name = "/".join(path.parts[-3:])
    return next((each for each in COLLECTIONS if re.search(f"(?:^|/)(?:{each.files.pattern})$", name)), None)


def holds_no_texts(path: Path) -> bool:
    """Tell the files of chinese-poetry that hold something else than texts."""
    return bool(_NO_TEXTS.search("/".join(path.parts[-4:])))


def read_poetry(file: CorpusFile, work_title: str | None) -> ParsedItems:
    """Yield the records of one file of a collection, or of a file of the same form that is in none."""
    collection = find_collection(file.path.absolute()) or Collection(re.compile(""), file.title, category="")
    defaults: dict[str, object] = {
        "work": work_title or collection.title,
        "author": collection.author,
        "dynasty": collection.dynasty,
        "category": collection.category,
        "edition": collection.edition,
    }
    with file.open() as text:
        stream = JsonStream(text)
        if stream.peek() == "[":
            for index, (line, value) in enumerate(stream.elements()):
                place = Place(file, line, defaults, index=index, is_verse_chapter=True)
                yield from read_value(_usual_keys(value, defaults), place)
        else:
            yield from _read_book(stream, file, defaults)
        if stream.peek():
            yield Refusal(file.name, stream.line, "JSON 已经结束，其后的内容没有导入。")


def _read_book(stream: JsonStream, file: CorpusFile, defaults: dict[str, object]) -> ParsedItems:
    """Read a file that is one object: its title is the work's, in another script perhaps."""
    line = stream.line
    book: dict[str, Any] = {}
    for key in stream.members():
        if key == "content" and stream.opens_objects():
            for index, (part_line, part) in enumerate(stream.elements()):
                place = Place(file, part_line, defaults, index=index, is_verse_chapter=True)
                yield from read_value(_usual_keys(part, defaults), place)
        elif key == "preface":
            preface = {"chapter": "序", "paragraphs": stream.value()}
            yield from read_value(preface, Place(file, line, defaults))
        elif key == "title":
            title = str(stream.value() or "")
            defaults |= {"aliases": [title]} if title != defaults["work"] else {}
        else:
            book[key] = stream.value()
    book.pop("author", None)
    if not book.keys().isdisjoint(NAMES["text"]):
        place = Place(file, line, defaults, is_verse_chapter=True)
        yield from read_value(_usual_keys(book, defaults), place)


def _usual_keys(value: object, defaults: Mapping[str, object]) -> object:
    """Put what the collection calls otherwise under the usual names, down to the last part."""
    if not isinstance(value, dict):
        return value
    own: dict[str, Any] = {key: content for key, content in value.items() if key not in _BESIDES_TEXT}
    if "type" in own:
        own["chapter"] = own.pop("type")
    for key in ("content", "paragraphs", "para"):
        if isinstance(own.get(key), list):
            own[key] = [_usual_keys(part, defaults) for part in own[key]]
    if own.get("author") and not own.get("title") and not own.get("rhythmic") and _has_lines(own):
        own["title"] = own.pop("subchapter", None) or own.get("chapter")
        own.pop("chapter", None)
    if fold(str(own.get("chapter") or "")) == fold(str(defaults["work"])):
        own.pop("chapter", None)
    if own.get("section") == own.get("title"):
        own.pop("section", None)
    return _with_preface(own, str(defaults["work"]))


def _has_lines(own: dict[str, Any]) -> bool:
    lines = own.get("paragraphs")
    return isinstance(lines, list) and all(isinstance(line, str) for line in lines)


def _with_preface(own: dict[str, Any], work: str) -> dict[str, Any]:
    """Put a poet's own preface before his lines; what an editor says of the poem is a note."""
    if own.get("notes") and _has_lines(own):
        own["paragraphs"] = [strip_note_marks(line) for line in own["paragraphs"]]
    prologue = own.pop("prologue", None)
    if prologue and work == "全宋词":
        own["paragraphs"] = [prologue, *own.get("paragraphs", [])]
    elif prologue:
        own["notes"] = prologue
    return own
