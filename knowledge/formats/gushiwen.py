"""Decides how lines of chinese-gushiwen become records: poems and essays with their translation and notes."""

import json

from knowledge.formats.corpus_file import CorpusFile
from knowledge.formats.fields import Place, read_value
from knowledge.outlining.records import ParsedItems, Refusal

COLLECTION = "古诗文选"


def read_gushiwen(file: CorpusFile, work_title: str | None) -> ParsedItems:
    """Yield the records of a file with one poem or essay in each line; its paragraphs are parts of it."""
    defaults = {"work": work_title or COLLECTION}
    for number, line in file.lines():
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            yield Refusal(file.name, number, "不是有效的 JSON。")
            continue
        if not isinstance(value, dict):
            yield Refusal(file.name, number, "应为一篇诗文的对象。")
            continue
        own = {key: value.get(key) for key in ("title", "dynasty", "writer")}
        own |= {
            "text": _paragraphs(value.get("content")),
            "translation": _paragraphs(value.get("translation")),
        }
        own["notes"] = value.get("remark")
        yield from read_value(own, Place(file, number, defaults))


def _paragraphs(text: object) -> object:
    """Divide a text at its line breaks; anything else is left for the reader of fields to refuse."""
    return [part for line in text.split("\n") if (part := line.strip())] if isinstance(text, str) else text
