"""Decides what the table of contents of an EPUB says: which heading stands at which place of the text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from knowledge.errors import CorpusFileRefused
from knowledge.formats.archive import Archive, resolve
from knowledge.formats.markup import local_name, parse_whole

_Place = tuple[str, str]
_TYPE = "{http://www.idpf.org/2007/ops}type"


@dataclass(frozen=True)
class Contents:
    """Level and title of each heading by its document and anchor; and why a table could not be read."""

    headings: dict[_Place, tuple[int, str]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    def titles_elsewhere(self, document: str, anchors: set[str]) -> list[str]:
        """Return the titles that stand at other anchors of the document than these: nowhere."""
        return [
            " ".join(title.split())
            for (place, anchor), (_level, title) in self.headings.items()
            if place == document and anchor not in anchors
        ]


def read_contents(archive: Archive, names: Sequence[str]) -> Contents:
    """Read the first of the tables, which say the same, that holds anything; without one there is none."""
    refused: dict[str, str] = {}
    for name in names:
        if name not in archive:
            continue
        try:
            headings = dict(_entries(archive, name))
        except CorpusFileRefused as error:
            refused[name] = f"目录无法读取，没有采用：{error.message}"
            continue
        if headings:
            return Contents(headings, refused)
    return Contents(refused=refused)


def _entries(archive: Archive, name: str) -> Iterator[tuple[_Place, tuple[int, str]]]:
    """Yield (document, anchor) with level and title for each entry of the table of contents."""
    root = parse_whole(archive.read(name))
    if local_name(root) == "ncx":
        for point in root.iter("{*}navPoint"):
            level = sum(local_name(each) == "navPoint" for each in point.iterancestors()) + 1
            title = point.findtext("{*}navLabel/{*}text") or ""
            target = point.find("{*}content")
            if target is not None:
                yield resolve(name, target.get("src", "")), (level, title)
        return
    for nav in root.iter("{*}nav"):
        if "toc" not in nav.get(_TYPE, "toc"):
            continue
        for link in nav.iter("{*}a"):
            level = sum(local_name(each) == "li" for each in link.iterancestors())
            yield resolve(name, link.get("href", "")), (level, "".join(link.itertext()))
