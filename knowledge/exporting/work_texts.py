"""Decides how a work's passages become texts again: pieces that were cut from one text join to it."""

from collections.abc import Iterator
from dataclasses import dataclass

from knowledge.models import Work
from knowledge.outlining.outline import WorkOutline

_ROWS_AT_ONCE = 2000


@dataclass(frozen=True)
class Step:
    """One section on the way to a text; ``number``, its place in the work, tells sections of one title apart."""

    title: str
    author: str
    dynasty: str
    number: int


@dataclass(frozen=True)
class Text:
    """One text of a work with the passages that were cut from it, in their order."""

    steps: tuple[Step, ...]
    kind: str
    pieces: tuple[str, ...]
    translations: tuple[str, ...]

    @property
    def whole(self) -> str:
        """The text before it was cut."""
        return "".join(self.pieces)

    @property
    def translation(self) -> str:
        """The translations of its passages as one."""
        return "\n".join(filter(None, self.translations))

    def holds_the_same(self, other: "Text") -> bool:
        """Tell whether both say the same in the same place, wherever they were cut."""
        return (self.steps, self.kind, self.whole, self.translation) == (
            other.steps,
            other.kind,
            other.whole,
            other.translation,
        )


def stored_texts(work: Work) -> Iterator[Text]:
    """Yield the texts of a work of the corpus in reading order; its passages are streamed."""
    steps: dict[int | None, tuple[Step, ...]] = {None: ()}
    for section in work.sections.order_by("ordinal"):
        step = Step(section.title, section.author, section.dynasty, section.ordinal)
        steps[section.pk] = (*steps[section.parent_id], step)
    passages = work.passages.defer("folded").order_by("ordinal").iterator(_ROWS_AT_ONCE)
    return _joined(
        (steps[each.section_id], each.kind, each.text, each.translation, each.continues) for each in passages
    )


def outlined_texts(outline: WorkOutline) -> Iterator[Text]:
    """Yield the texts of a work that was read from a file, as it would be stored."""
    steps: dict[int | None, tuple[Step, ...]] = {None: ()}
    for position, section in enumerate(outline.sections):
        step = Step(section.title, section.author, section.dynasty, position + 1)
        steps[position] = (*steps[section.parent], step)
    return _joined(
        (steps[each.section], each.kind, each.text, each.translation, each.continues)
        for each in outline.passages
    )


_Row = tuple[tuple[Step, ...], str, str, str, bool]


def _joined(rows: Iterator[_Row]) -> Iterator[Text]:
    run: list[_Row] = []
    for row in rows:
        if run and not row[4]:
            yield _text(run)
            run = []
        run.append(row)
    if run:
        yield _text(run)


def _text(run: list[_Row]) -> Text:
    steps, kind = run[0][:2]
    return Text(steps, kind, tuple(row[2] for row in run), tuple(row[3] for row in run))
