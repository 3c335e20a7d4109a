"""Decides which places the titles around a quotation name: a book, a part of it, the author in front."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from knowledge.folding import IDEOGRAPH

_TITLE = re.compile(r"[《〈]([^《》〈〉\n]{1,60})[》〉]")
_SEPARATOR = re.compile(r"[·・•‧／/．\-—]|\s+|(?<=\S)[(（][^()（）]*[)）]")
_AUTHOR_CHARACTERS = 10
_AUTHOR = re.compile(rf"[{IDEOGRAPH}·]+$")
_NUMBER = r"[〇零一二三四五六七八九十百\d]+"
# 《论语》为政篇, 《道德经》第八章, 《史记》卷四十七.
_PART_BEHIND = re.compile(
    rf"(?:的|之|中的?|[里裡]的?|篇)?(卷第?{_NUMBER}|第{_NUMBER}[篇章卷回节節首则則品]?"
    rf"|(?![的之中里裡篇最有这這那同某每各另本全整一共]|[开開首末名诗詩][篇章]|文章)[{IDEOGRAPH}]{{1,6}}?[篇章](?:第{_NUMBER})?)"
)
_DEEPER = re.compile(r"\s*(?:的|中的?|[里裡]的?|之|·|[篇章])?\s*")
_BESIDE = re.compile(r"\s*(?:[、,，和与與及或/]|以及|[还還]有|[)）]?[（(;；])?\s*(?:[又亦并並][见見])?")


@dataclass(frozen=True)
class CitedPlace:
    """A place as the reply writes it.

    ``parts`` are those of a title such as 《论语·为政》. ``author`` is what stands right before it and ``within``
    what stands right behind it: maybe a name, maybe a chapter, maybe other words.
    """

    parts: tuple[str, ...]
    author: str = ""
    within: str = ""
    text: str = ""

    @property
    def name(self) -> str:
        """The place with the chapter that stands behind its title: 道德经·第八章."""
        return "·".join(filter(None, (self.text, self.within)))


def split_title(title: str) -> tuple[str, ...]:
    """Return the parts of a title: 论语·为政篇 has two. A remark in brackets is none."""
    return tuple(part for part in _SEPARATOR.split(title) if part)


def last_places(reply: str, start: int, end: int) -> tuple[tuple[CitedPlace, ...], int]:
    """Return the places that the last titles between ``start`` and ``end`` name together, and where these end.

    《论语》和《孟子》 are two places, 《诗经》中的《关雎》 is one. Where there is no title the end is -1.
    """
    titles = list(_TITLE.finditer(reply, start, end))
    if not titles:
        return (), -1
    first = len(titles) - 1
    while first and _is_joined(reply, titles[first - 1], titles[first]):
        first -= 1
    part = _PART_BEHIND.match(reply, titles[-1].end(), end)
    return _places(reply, titles[first:], end), part.end() if part else titles[-1].end()


def first_places(reply: str, start: int, end: int) -> tuple[tuple[CitedPlace, ...], int]:
    """Return the places that the first titles between ``start`` and ``end`` name together, and where these begin."""
    titles = list(_TITLE.finditer(reply, start, end))
    if not titles:
        return (), -1
    last = 0
    while last + 1 < len(titles) and _is_joined(reply, titles[last], titles[last + 1]):
        last += 1
    return _places(reply, titles[: last + 1], end), titles[0].start()


def _is_joined(reply: str, title: re.Match[str], following: re.Match[str]) -> bool:
    between = title.end(), following.start()
    return any(pattern.fullmatch(reply, *between) for pattern in (_DEEPER, _BESIDE))


def _places(reply: str, titles: Sequence[re.Match[str]], limit: int) -> tuple[CitedPlace, ...]:
    places: list[CitedPlace] = []
    end = -1
    for title in titles:
        above = places.pop() if places and _DEEPER.fullmatch(reply, end, title.start()) else CitedPlace(())
        author = above.author if above.parts else _author_before(reply, title.start())
        behind = _PART_BEHIND.match(reply, title.end(), limit)
        text = "·".join(filter(None, (above.text, title[1])))
        places.append(
            CitedPlace(above.parts + split_title(title[1]), author, behind[1] if behind else "", text)
        )
        end = title.end()
    return tuple(places)


def _author_before(reply: str, position: int) -> str:
    before = _AUTHOR.search(reply, max(0, position - _AUTHOR_CHARACTERS), position)
    return before[0] if before else ""
