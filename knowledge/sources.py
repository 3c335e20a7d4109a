"""Decides from which passages a quotation was taken word for word, be it from one or several in a row."""

import re
from collections.abc import Collection, Iterable
from typing import TypeAlias

from django.db.models import Q

from knowledge import lexical
from knowledge.folding import fold
from knowledge.models import Passage

Parts: TypeAlias = tuple[str, ...]

_ELLIPSIS = re.compile(r"…+|\.{3,}|⋯+")
_HEAD_CHARACTERS = 6
_MIN_SPANNING_CHARACTERS = 8
_MAX_SOURCES = 20
_SPAN = 4


def fold_parts(text: str) -> Parts:
    """Fold a quotation; an ellipsis divides it into parts."""
    return tuple(filter(None, map(fold, _ELLIPSIS.split(text))))


def find_sources(quotations: Collection[Parts]) -> dict[Parts, list[Passage]]:
    """Return for each quotation the passages that have it word for word, or in which it begins."""
    whole: dict[str, Parts] = {parts[0]: parts for parts in quotations if len(parts) == 1}
    found = lexical.find_exact(list(whole), limit=_MAX_SOURCES)
    passages = load_passages(key for keys in found.values() for key in keys)
    sources = {
        whole[phrase]: [passages[key] for key in keys if key in passages] for phrase, keys in found.items()
    }
    return sources | _find_spanning([parts for parts in quotations if not sources.get(parts)])


def load_passages(passage_ids: Iterable[int]) -> dict[int, Passage]:
    """Load passages with their place, by id."""
    return Passage.objects.select_related("work", "section").defer("terms").in_bulk(list(set(passage_ids)))


def _find_spanning(quotations: list[Parts]) -> dict[Parts, list[Passage]]:
    """Find quotations that run over several passages or leave something out, by where they begin."""
    heads = {
        parts: parts[0][:_HEAD_CHARACTERS]
        for parts in quotations
        if sum(map(len, parts)) >= _MIN_SPANNING_CHARACTERS
    }
    found = lexical.find_exact(list(set(heads.values())), limit=_MAX_SOURCES)
    beginnings = load_passages(key for keys in found.values() for key in keys)
    following = _load_following(beginnings.values())
    sources: dict[Parts, list[Passage]] = {}
    for parts, head in heads.items():
        for passage in (beginnings[key] for key in found.get(head, ()) if key in beginnings):
            stretch = "".join(
                following.get((passage.work_id, passage.ordinal + step), "") for step in range(_SPAN)
            )
            if _holds(stretch, parts, limit=len(passage.folded)):
                sources.setdefault(parts, []).append(passage)
    return sources


def _load_following(beginnings: Iterable[Passage]) -> dict[tuple[int, int], str]:
    wanted = Q(pk__in=[])
    for passage in beginnings:
        wanted |= Q(work=passage.work_id, ordinal__range=(passage.ordinal, passage.ordinal + _SPAN - 1))
    rows = Passage.objects.filter(wanted).values_list("work_id", "ordinal", "folded")
    return {(work_id, ordinal): folded for work_id, ordinal, folded in rows}


def _holds(stretch: str, parts: Parts, *, limit: int) -> bool:
    """Tell whether the stretch has the parts in their order, the first beginning before ``limit``."""
    position = stretch.find(parts[0])
    if position < 0 or position >= limit:
        return False
    for part in parts:
        position = stretch.find(part, position)
        if position < 0:
            return False
        position += len(part)
    return True
