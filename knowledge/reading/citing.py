"""Decides how a place in a classic is cited: as in GB/T 7714-2015, in plain words, or as BibTeX."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from knowledge.models import Bookmark, Passage


class Style(StrEnum):
    """The forms in which a citation can be had."""

    GBT7714 = "gbt7714"
    PLAIN = "plain"
    BIBTEX = "bibtex"

    @property
    def label(self) -> str:
        """Its Chinese name."""
        return _LABELS[self]


_LABELS = {Style.GBT7714: "GB/T 7714", Style.PLAIN: "一般格式", Style.BIBTEX: "BibTeX"}


@dataclass(frozen=True)
class Reference:
    """What a bibliography says of a place in a classic; "" is unknown.

    ``section`` leads to the place, its titles joined by "·". A ``contribution`` is a poem or essay with an author of
    its own, which stands in an anthology: its title is not in ``section``.
    """

    work: str
    author: str = ""
    dynasty: str = ""
    edition: str = ""
    section: str = ""
    contribution: str = ""
    contribution_author: str = ""
    contribution_dynasty: str = ""

    @classmethod
    def of(cls, passage: Passage) -> Self:
        """Describe where the passage stands; its work and section must be loaded."""
        work, section = passage.work, passage.section
        facts = {
            "work": work.title,
            "author": work.author,
            "dynasty": work.dynasty,
            "edition": work.edition,
        }
        if section is None:
            return cls(**facts)
        if not section.author:
            return cls(**facts, section=section.path)
        return cls(
            **facts,
            section=section.path.removesuffix(section.title).removesuffix("·"),
            contribution=section.title,
            contribution_author=section.author,
            contribution_dynasty=section.dynasty or work.dynasty,
        )

    @classmethod
    def of_bookmark(cls, bookmark: Bookmark) -> Self:
        """Describe where the bookmarked passage stands now or, when it is gone, where it stood."""
        return cls.of(bookmark.passage) if bookmark.passage else cls(**bookmark.reference)


def cite(reference: Reference, style: Style, *, key: str = "guoxue") -> str:
    """Write the citation; ``key`` names the entry where the style has such names."""
    match style:
        case Style.GBT7714:
            return _gbt7714(reference)
        case Style.PLAIN:
            return _plain(reference)
        case Style.BIBTEX:
            return _bibtex(reference, key, {})


def cite_passage(passage: Passage, style: Style) -> str:
    """Cite a passage whose work and section are loaded."""
    return cite(Reference.of(passage), style, key=f"guoxue{passage.pk}")


def write_bibliography(bookmarks: Iterable[Bookmark], style: Style) -> str:
    """Write the bookmarks one after the other, each with its citation, its text and the reader's note."""
    entries = (_entry(number, bookmark, style) for number, bookmark in enumerate(bookmarks, 1))
    return "\n\n".join(entries) + "\n"


def _entry(number: int, bookmark: Bookmark, style: Style) -> str:
    reference = Reference.of_bookmark(bookmark)
    if style == Style.BIBTEX:
        extra = {"abstract": bookmark.text, "annote": bookmark.note}
        return _bibtex(reference, f"guoxue-bookmark{bookmark.pk}", extra)
    note = f"\n笔记：{bookmark.note}" if bookmark.note else ""
    if style == Style.PLAIN:
        return f"{bookmark.text}\n——{_plain(reference)}{note}"
    quoted = f"摘抄：{bookmark.text}{note}".replace("\n", "\n    ")
    return f"[{number}] {_gbt7714(reference)}\n    {quoted}"


def _gbt7714(reference: Reference) -> str:
    """Follow GB/T 7714-2015 §4.1.2 (专著) and §4.2.2 (专著中的析出文献); old books often name no place and year.

    A source without an author begins with its title, as §8.1.3 allows where the entries are numbered.
    """
    title = ": ".join(filter(None, (reference.work, reference.section)))
    author = _person(reference.dynasty, reference.author)
    if reference.contribution:
        contribution_author = _person(reference.contribution_dynasty, reference.contribution_author)
        host = ". ".join(filter(None, (reference.author, title, reference.edition)))
        return ". ".join(filter(None, (contribution_author, f"{reference.contribution}[M]//{host}"))) + "."
    return ". ".join(filter(None, (author, f"{title}[M]", reference.edition))) + "."


def _plain(reference: Reference) -> str:
    work = f"《{'·'.join(filter(None, (reference.work, reference.section)))}》"
    if reference.contribution:
        author = _person(reference.contribution_dynasty, reference.contribution_author)
        parts = (f"{author}《{reference.contribution}》", work, reference.edition)
    else:
        parts = (_person(reference.dynasty, reference.author) + work, reference.edition, "")
    return "，".join(filter(None, parts)) + "。"


def _person(dynasty: str, name: str) -> str:
    return f"（{dynasty}）{name}" if dynasty and name else name


def _bibtex(reference: Reference, key: str, extra: dict[str, str]) -> str:
    if reference.contribution:
        kind = "incollection"
        fields = {
            "author": reference.contribution_author,
            "title": reference.contribution,
            "booktitle": reference.work,
            "editor": reference.author,
            "note": reference.contribution_dynasty,
        }
    else:
        kind = "book"
        fields = {"author": reference.author, "title": reference.work, "note": reference.dynasty}
    fields |= {"chapter": reference.section, "edition": reference.edition, "langid": "chinese"} | extra
    lines = [f"  {name} = {_braced(name, value)}" for name, value in fields.items() if value]
    return f"@{kind}{{{key},\n" + ",\n".join(lines) + "\n}"


# A name or title in double braces is neither split at a comma nor changed in case.
_KEPT_WHOLE = frozenset({"author", "editor", "title", "booktitle"})
# BibTeX counts a brace behind a backslash too; so braces become words.
_ESCAPES = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\textbraceleft{}",
        "}": r"\textbraceright{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{sign: f"\\{sign}" for sign in "$&#_%"},
        "\r": "",
        "\n": " ",
    }
)


def _braced(name: str, value: str) -> str:
    escaped = value.translate(_ESCAPES)
    return f"{{{{{escaped}}}}}" if name in _KEPT_WHOLE else f"{{{escaped}}}"
