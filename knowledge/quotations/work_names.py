"""Decides which works and which people the names in a reply may mean; the corpus's names are kept per process."""

import threading
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from knowledge.folding import fold
from knowledge.models import Section, Work
from knowledge.quotations.place_names import PlaceName, read_place_name
from knowledge.retrieval.work_titles import WorksVersion, read_version

# People who speak in books that bear another name.
_SPEAKERS = {
    **dict.fromkeys(("孔子", "孔夫子", "夫子", "仲尼", "孔丘", "至圣先师", "孔圣人", "子"), ("论语",)),
    **dict.fromkeys(("曾子", "曾参"), ("论语", "大学", "孝经")),
    **dict.fromkeys(("有子", "子夏", "子贡", "子路", "子张", "颜渊", "颜回", "子游"), ("论语",)),
    **dict.fromkeys(("孟轲", "亚圣"), ("孟子",)),
    **dict.fromkeys(("李耳", "老聃", "太上老君"), ("道德经",)),
    **dict.fromkeys(("庄周",), ("庄子",)),
    **dict.fromkeys(("孙武",), ("孙子兵法",)),
    **dict.fromkeys(("子思",), ("中庸",)),
    **dict.fromkeys(("荀卿", "荀况"), ("荀子",)),
    **dict.fromkeys(("墨翟",), ("墨子",)),
    **dict.fromkeys(("韩非",), ("韩非子",)),
    **dict.fromkeys(("司马迁", "太史公"), ("史记",)),
    **dict.fromkeys(("王阳明", "王守仁"), ("传习录",)),
}
_LONGEST_NAME = 5
# Of works with more sections, numbered ones are not looked for.
_MAX_SECTIONS = 2_000
_MAX_ANSWERS = 5_000
_PARTIAL = ("选", "節", "节", "輯", "辑", "残", "摘", "钞", "抄")


@dataclass(frozen=True)
class WorkNames:
    """The names of the works and of their authors, folded; each work's with the ids of all its editions.

    ``partial`` are the works of which the corpus has a selection only: what is not found there may stand
    in the whole of it all the same.
    """

    version: WorksVersion
    works: dict[str, frozenset[int]]
    authors: dict[str, frozenset[int]]
    partial: frozenset[int]
    _answers: dict[Hashable, bool] = field(default_factory=dict, compare=False)

    @cached_property
    def people(self) -> frozenset[str]:
        """Everyone known as the author of a work or of a poem."""
        poets = Section.objects.exclude(author="").values_list("author", flat=True).distinct()
        return frozenset(self.authors).union(filter(None, map(fold, poets)))

    def has_section(self, title: str) -> bool:
        """Tell whether a section of any work bears this very title, as a poem does. Asks once for each title."""
        self.remember_sections({title})
        return self._answers[title]

    def remember_sections(self, titles: Collection[str]) -> None:
        """Ask for those titles that were not asked for before, all in one go."""
        spellings = {title: _spellings(title) for title in titles if title not in self._answers}
        if not spellings:
            return
        if len(self._answers) + len(spellings) > _MAX_ANSWERS:
            self._answers.clear()
            spellings = {title: _spellings(title) for title in titles}
        every = set().union(*spellings.values())
        found = set(Section.objects.filter(title__in=every).values_list("title", flat=True))
        self._answers.update((title, not found.isdisjoint(own)) for title, own in spellings.items())

    def is_source(self, name: str) -> bool:
        """Tell whether a name without 《》 is that of a work, of a person, or of a place in a book: 里仁篇."""
        return self._remember(("source", name), lambda: self._names_source(name)) or self.has_section(name)

    def _names_source(self, name: str) -> bool:
        known = (self.works, self.people, _SPEAKERS)
        return is_part(name) or any(each in names for each in names_in(fold(name)) for names in known)

    def has_section_in(self, work_ids: frozenset[int], name: str) -> bool:
        """Tell whether one of the works has a section of that name. Asks once for each."""
        return self._remember((work_ids, name), lambda: _find_section(work_ids, read_place_name(name)))

    def _remember(self, question: Hashable, ask: Callable[[], bool]) -> bool:
        if question not in self._answers:
            if len(self._answers) >= _MAX_ANSWERS:
                self._answers.clear()
            self._answers[question] = ask()
        return self._answers[question]

    def works_of(self, speaker: str) -> frozenset[int]:
        """Return the works in which the person speaks or which bear the person's name."""
        titles = _SPEAKERS.get(speaker, ())
        own = self.works.get(speaker, frozenset()) | self.authors.get(speaker, frozenset())
        return own.union(*(self.works.get(title, frozenset()) for title in titles))


def names_in(words: str) -> Iterator[str]:
    """Yield every stretch of two to five characters."""
    for length in range(2, _LONGEST_NAME + 1):
        yield from (words[start : start + length] for start in range(len(words) - length + 1))


def is_part(name: str) -> bool:
    """Tell whether the name is that of a part of a book: 第八章, 为政第二, 里仁篇."""
    return name.endswith("篇") or read_place_name(name).number is not None


def _spellings(title: str) -> frozenset[str]:
    """The titles that a section of that name may have: 学而篇 and 学而第一 is 学而."""
    return frozenset(filter(None, (title, fold(title), read_place_name(title).name)))


_lock = threading.Lock()
_current: WorkNames | None = None


def load_work_names() -> WorkNames:
    """Return the names of all works; they are read anew when a work was added, removed or saved since."""
    global _current
    version = read_version()
    with _lock:
        known = _current
    if known is None or known.version != version:
        known = _read(version)
        with _lock:
            _current = known
    return known


def _find_section(work_ids: frozenset[int], cited: PlaceName) -> bool:
    """Look through the sections whose title has the name, or the number where it is all that is known."""
    if not cited:
        return False
    titles = Section.objects.filter(work__in=work_ids).values_list("title", flat=True)
    if cited.name:
        titles = titles.filter(title__contains=cited.name.rstrip("上中下") or cited.name)
    own = map(read_place_name, titles[:_MAX_SECTIONS])
    return any(cited.is_same(each) and bool(cited.name) == bool(each.name) for each in own)


def _read(version: WorksVersion) -> WorkNames:
    works: dict[str, set[int]] = {}
    authors: dict[str, set[int]] = {}
    partial: set[int] = set()
    for work in Work.objects.only("title", "aliases", "author", "edition"):
        _add(works, work.names, work.pk)
        _add(authors, [work.author], work.pk)
        if any(mark in work.title + work.edition for mark in _PARTIAL):
            partial.add(work.pk)
    return WorkNames(version, _frozen(works), _frozen(authors), frozenset(partial))


def _add(names: dict[str, set[int]], added: Iterable[str], work_id: int) -> None:
    for name in filter(None, map(fold, added)):
        names.setdefault(name, set()).add(work_id)


def _frozen(names: dict[str, set[int]]) -> dict[str, frozenset[int]]:
    return {name: frozenset(ids) for name, ids in names.items()}
