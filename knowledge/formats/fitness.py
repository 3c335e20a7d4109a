"""Decides what makes a record unfit to be stored, so that it is refused by itself and the rest is loaded."""

import re
from functools import lru_cache

from django.db.models import Model

from knowledge.folding import is_cjk
from knowledge.models import Category, Passage, Section, Work
from knowledge.outlining.records import Record, WorkDetails

_NAMES = {
    "title": "书名",
    "author": "作者",
    "dynasty": "朝代",
    "edition": "版本",
    "license": "授权",
    "source": "来源",
}


def _limit(model: type[Model], field: str) -> int:
    return getattr(model._meta.get_field(field), "max_length", None) or 0


_WORK_LIMITS = {name: _limit(Work, name) for name in _NAMES}
_TITLE_LIMIT, _AUTHOR_LIMIT, _DYNASTY_LIMIT, _PATH_LIMIT = (
    _limit(Section, name) for name in ("title", "author", "dynasty", "path")
)
_LONG_CHARACTERS, _LEAST_CHINESE_SHARE = 2000, 0.02
_KINDS = frozenset(Passage.Kind.values)
_CATEGORIES = frozenset(Category.values)
_BROKEN = re.compile("[\x00\ud800-\udfff]")


def unfitness(record: Record) -> str:
    """Return why the record cannot be stored, in Chinese, or "" if it can."""
    if not any(map(is_cjk, record.text)):
        return "没有汉字。"
    if len(record.text) > _LONG_CHARACTERS and _is_hardly_chinese(record.text):
        return "几乎没有汉字，不像是正文。"
    if record.kind not in _KINDS:
        return f"类别“{record.kind}”不在{'、'.join(sorted(_KINDS))}之中。"
    return (
        _broken(record.text) or _broken(record.translation) or _unfit_work(record.work) or _misplaced(record)
    )


def _is_hardly_chinese(text: str) -> bool:
    """Tell a text that no passage could be made of: a piece must hold something that can be found."""
    return sum(map(is_cjk, text)) < _LEAST_CHINESE_SHARE * len(text)


def _broken(value: str) -> str:
    match = _BROKEN.search(value)
    if match is None:
        return ""
    if match[0] == "\x00":
        return "含有空字符（U+0000），可能不是文本。"
    return "含有不成对的代理码位，无法保存。"


@lru_cache(maxsize=4096)
def _unfit_work(work: WorkDetails) -> str:
    if not work.title.strip():
        return "没有书名。"
    for name, limit in _WORK_LIMITS.items():
        value = getattr(work, name)
        if reason := _broken(value):
            return reason
        if len(value) > limit:
            return f"{_NAMES[name]}超过 {limit} 字。"
    if reason := next(filter(None, map(_broken, work.aliases)), ""):
        return reason
    if any(len(alias) > _WORK_LIMITS["title"] for alias in work.aliases):
        return f"别名超过 {_WORK_LIMITS['title']} 字。"
    if work.category and work.category not in _CATEGORIES:
        return f"部类“{work.category}”不在{'、'.join(Category.values)}之中。"
    return ""


def _misplaced(record: Record) -> str:
    for heading in record.headings:
        if reason := _broken(heading.title) or _broken(heading.author) or _broken(heading.dynasty):
            return reason
        if not heading.title or len(heading.title) > _TITLE_LIMIT:
            return f"篇名为空或超过 {_TITLE_LIMIT} 字。"
        if len(heading.author) > _AUTHOR_LIMIT or len(heading.dynasty) > _DYNASTY_LIMIT:
            return "篇章的作者或朝代过长。"
    if sum(len(heading.title) + 1 for heading in record.headings) > _PATH_LIMIT + 1:
        return f"各级篇名合计超过 {_PATH_LIMIT} 字。"
    return ""
