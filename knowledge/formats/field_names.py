"""Decides which name of a JSON key or a column means which field."""

from collections.abc import Mapping
from typing import Any

# Every field by its names; the first name that holds something counts. docs/corpus.md lists them.
NAMES: Mapping[str, tuple[str, ...]] = {
    "work": ("work", "book", "书名", "典籍"),
    "aliases": ("aliases", "别名"),
    "category": ("category", "部类"),
    "edition": ("edition", "版本"),
    "license": ("license", "授权"),
    "source": ("source", "来源"),
    "author": ("author", "writer", "作者"),
    "dynasty": ("dynasty", "朝代"),
    "chapter": ("chapter", "volume", "卷", "篇"),
    "section": ("section", "subchapter", "章", "节"),
    "title": ("title", "rhythmic", "标题", "题目"),
    "kind": ("kind", "类别"),
    "text": ("text", "content", "paragraphs", "para", "原文", "正文", "内容"),
    "translation": ("translation", "译文", "今译", "现代文"),
    "notes": ("notes", "comment", "注释", "注"),
    # What export_work writes where titles alone do not tell the place, and for the parts of a long text.
    "path": ("path",),
    "continues": ("continues",),
}
_FIELD_OF = {name: key for key, names in NAMES.items() for name in names}
_RANK = {name: rank for names in NAMES.values() for rank, name in enumerate(names)}


def known_fields(value: Mapping[Any, object]) -> dict[str, object]:
    """Keep the fields that mean something here, under their first names; empty ones do not count."""
    found: dict[str, object] = {}
    ranks: dict[str, int] = {}
    for name, content in value.items():
        lowered = str(name).strip().lower()
        key = _FIELD_OF.get(lowered)
        if key is None or not content:
            continue
        if key not in found or _RANK[lowered] < ranks[key]:
            found[key], ranks[key] = content, _RANK[lowered]
    return found
