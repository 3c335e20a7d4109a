"""Decides what is read as one: where a section begins and ends in its work, which passages make a paragraph."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from django.db.models import Count, Exists, Max, Min, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from guoxue.errors import NotFound
from knowledge.models import Passage, Section, Work

PASSAGES_PER_PAGE = 40
# A line of verse; prose with line breaks has longer ones.
_VERSE_LINE_CHARACTERS = 36
_VERSE_UNEVENNESS = 1.4


@dataclass(frozen=True)
class Stretch:
    """The passages of a work from one ordinal to another, both included; empty when ``last`` is below ``first``."""

    work_id: int
    first: int
    last: int

    @property
    def page_count(self) -> int:
        """Into how many pages it falls; at least one."""
        return max(1, -(-(self.last - self.first + 1) // PASSAGES_PER_PAGE))

    def page_with(self, ordinal: int) -> int:
        """The number of the page, from 1, on which this passage stands; the nearest one for a passage outside."""
        page = (ordinal - self.first) // PASSAGES_PER_PAGE + 1
        return min(max(page, 1), self.page_count)

    def passages(self) -> QuerySet[Passage]:
        """All of them, in reading order."""
        within = Passage.objects.filter(work_id=self.work_id, ordinal__range=(self.first, self.last))
        return within.located().order_by("ordinal")

    def page(self, number: int) -> list[Passage]:
        """The passages of one page, from 1."""
        begin = self.first + (number - 1) * PASSAGES_PER_PAGE
        return list(self.passages().filter(ordinal__range=(begin, begin + PASSAGES_PER_PAGE - 1)))


def find_work(work_id: int) -> Work:
    """Return a work that has text; raise ``NotFound`` if there is none."""
    work = Work.objects.filter(pk=work_id, passage_count__gt=0).first()
    if work is None:
        raise NotFound("没有找到这部书。")
    return work


def find_section(section_id: int) -> Section:
    """Return a section with its work; raise ``NotFound`` if there is none."""
    section = Section.objects.select_related("work", "parent__parent").filter(pk=section_id).first()
    if section is None:
        raise NotFound("没有找到这一篇，它可能已被更新。")
    return section


def way_to(section: Section) -> list[Section]:
    """The sections that lead to this one, the outermost first, itself last."""
    way = [section]
    while way[0].parent is not None:
        way.insert(0, way[0].parent)
    return way


def outlined(sections: QuerySet[Section]) -> QuerySet[Section]:
    """With ``child_count``, and with ``passage_count`` and ``first_passage_id`` of the text right under them."""
    passages = Passage.objects.filter(section=OuterRef("pk")).order_by()
    children = Section.objects.filter(parent=OuterRef("pk")).order_by()
    return sections.annotate(
        passage_count=_count(passages, "section"),
        child_count=_count(children, "parent"),
        first_passage_id=Subquery(passages.order_by("ordinal").values("pk")[:1]),
    )


def stretch_of_work(work: Work) -> Stretch:
    """The whole work."""
    return _stretch(work.pk, Passage.objects.filter(work=work))


def stretch_of_section(section: Section) -> Stretch:
    """The section with all that stands under it."""
    end = Section.objects.filter(
        Q(parent__in=[step.parent_id for step in way_to(section) if step.parent_id]) | Q(parent=None),
        work=section.work_id,
        ordinal__gt=section.ordinal,
    ).aggregate(end=Min("ordinal"))["end"]
    passages = Passage.objects.filter(
        section__work=section.work_id, section__ordinal__gte=section.ordinal, work=section.work_id
    )
    return _stretch(section.work_id, passages.filter(section__ordinal__lt=end) if end else passages)


def beside(section: Section, *, has_children: bool) -> tuple[Section | None, Section | None]:
    """The sections that are read before and after it: its siblings or, for one without children, those with text."""
    others = Section.objects.filter(work=section.work_id)
    if has_children:
        others = others.filter(parent=section.parent_id)
    else:
        others = others.filter(Exists(Passage.objects.filter(section=OuterRef("pk"))))
    before = others.filter(ordinal__lt=section.ordinal).order_by("-ordinal").first()
    return before, others.filter(ordinal__gt=section.ordinal).order_by("ordinal").first()


def _stretch(work_id: int, passages: QuerySet[Passage]) -> Stretch:
    ends = passages.aggregate(first=Min("ordinal"), last=Max("ordinal"))
    return Stretch(work_id, ends["first"] or 1, ends["last"] or 0)


def _count(rows: QuerySet[Passage] | QuerySet[Section], key: str) -> Coalesce:
    return Coalesce(Subquery(rows.values(key).annotate(total=Count("pk")).values("total")), 0)


@dataclass(frozen=True)
class Run:
    """What a line has of one passage; ``is_beginning`` tells whether the passage begins here."""

    passage: Passage
    text: str
    is_beginning: bool


@dataclass(frozen=True)
class Row:
    """Lines, and the translation that stands beside them ("" if there is none)."""

    lines: tuple[tuple[Run, ...], ...]
    translation: str


@dataclass(frozen=True)
class Paragraph:
    """What a reader sees as one paragraph: a passage with those that continue it."""

    passages: tuple[Passage, ...]

    @property
    def kind(self) -> str:
        """Original, commentary or translation."""
        return self.passages[0].kind

    @property
    def begins_before(self) -> bool:
        """Tell whether its beginning stands on the page before."""
        return self.passages[0].continues

    @property
    def translation(self) -> str:
        """The modern rendering of all its passages."""
        return "\n".join(passage.translation for passage in self.passages if passage.translation)

    @cached_property
    def lines(self) -> tuple[tuple[Run, ...], ...]:
        """Its lines; where a passage was cut in mid-line, the line has runs of both."""
        lines: list[list[Run]] = [[]]
        for passage in self.passages:
            is_beginning = True
            for number, text in enumerate(passage.text.split("\n")):
                if number:
                    lines.append([])
                if text.strip():
                    lines[-1].append(Run(passage, text, is_beginning))
                    is_beginning = False
        return tuple(tuple(line) for line in lines if line)

    @cached_property
    def is_aligned(self) -> bool:
        """Tell whether each line has its own line of translation."""
        return bool(self.translation) and len(self.translation.splitlines()) == len(self.lines)

    @property
    def rows(self) -> tuple[Row, ...]:
        """Each line with its translation or, where they are not aligned, all lines with the whole of it."""
        if not self.is_aligned:
            return (Row(self.lines, self.translation),)
        pairs = zip(self.lines, self.translation.splitlines(), strict=True)
        return tuple(Row((line,), translation) for line, translation in pairs)

    @property
    def is_verse(self) -> bool:
        """Tell whether it is set line by line; aligned prose has short lines too, but of all lengths."""
        lengths = [sum(len(run.text) for run in line) for line in self.lines]
        if len(lengths) < 2 or max(lengths) > _VERSE_LINE_CHARACTERS:
            return False
        return not self.is_aligned or max(lengths) <= _VERSE_UNEVENNESS * min(lengths)


@dataclass(frozen=True)
class Part:
    """The paragraphs of a page that stand in one section, or in none."""

    section: Section | None
    paragraphs: tuple[Paragraph, ...]


def compose(passages: Iterable[Passage]) -> list[Part]:
    """Join the passages to paragraphs, and the paragraphs to parts, in reading order."""
    parts: list[list[list[Passage]]] = []
    for passage in passages:
        last = parts[-1][-1][-1] if parts else None
        if last is None or last.section_id != passage.section_id:
            parts.append([[passage]])
        elif passage.continues and last.kind == passage.kind:
            parts[-1][-1].append(passage)
        else:
            parts[-1].append([passage])
    return [Part(part[0][0].section, tuple(Paragraph(tuple(joined)) for joined in part)) for part in parts]
