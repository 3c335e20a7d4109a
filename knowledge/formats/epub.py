"""Decides how an EPUB becomes records: documents in the order of the spine, under the headings of its contents."""

from dataclasses import dataclass, field

from knowledge.errors import CorpusFileRefused
from knowledge.formats.archive import Archive, open_archive, resolve
from knowledge.formats.corpus_file import CorpusFile
from knowledge.formats.epub_contents import Contents, read_contents
from knowledge.formats.html_blocks import read_blocks
from knowledge.formats.markup import local_name, parse_whole
from knowledge.outlining.records import Heading, ParsedItems, Record, Refusal, WorkDetails

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_HTML_TYPES = ("application/xhtml+xml", "text/html")
_LEVELS = 10


@dataclass(frozen=True)
class _Book:
    """What the package says: the work, the documents in reading order, the headings at their places."""

    work: WorkDetails
    documents: list[str]
    contents: Contents


@dataclass
class _Sections:
    """The headings above the place where the reader is, with their ranks."""

    contents: Contents
    stack: list[tuple[int, Heading]] = field(default_factory=list)
    # The rank of the last heading from the table of contents; the text's own headings lie below it.
    base: int = 0

    @property
    def path(self) -> tuple[Heading, ...]:
        return tuple(heading for _rank, heading in self.stack)

    def enter(self, document: str, anchor: str, number: int) -> None:
        """Go under the heading that the contents have at this place, if there is one."""
        if entry := self.contents.headings.get((document, anchor)):
            level, title = entry
            self.base = level * _LEVELS
            self._push(self.base, title, number)

    def enter_own(self, level: int, title: str, number: int) -> None:
        """Go under a heading of the text."""
        self._push(self.base + level, title, number)

    def _push(self, rank: int, title: str, number: int) -> None:
        """Put a heading on the stack; the text's own heading that only repeats the contents' is passed over."""
        title = " ".join(title.split())
        if not title or (self.stack and self.stack[-1][0] < rank and title in self.stack[-1][1].title):
            return
        self.stack[:] = [each for each in self.stack if each[0] < rank]
        self.stack.append((rank, Heading(title, number=number)))


def read_epub(file: CorpusFile, work_title: str | None) -> ParsedItems:
    """Yield one record for each paragraph; its line is that in the document which its file names behind a #.

    Sections come from the table of contents and from the headings of the text. Raises ``CorpusFileRefused``
    for an EPUB that is encrypted, damaged or too large.
    """
    with open_archive(file.path, "EPUB") as archive:
        book = _read_package(archive, work_title, file.title)
        for name, reason in book.contents.refused.items():
            yield Refusal(f"{file.name}#{name}", 0, reason)
        sections = _Sections(book.contents)
        for ordinal, document in enumerate(book.documents):
            if document in archive:
                content = archive.read(document)
                yield from _read_document(file, book.work, sections, document, ordinal, content)
            else:
                yield Refusal(file.name, 0, f"EPUB 里缺少正文文件 {document}。")


def _read_document(
    file: CorpusFile, work: WorkDetails, sections: _Sections, document: str, ordinal: int, content: bytes
) -> ParsedItems:
    place = f"{file.name}#{document}"
    anchors = {""}
    sections.enter(document, "", file.number(ordinal << 20))
    try:
        for block in read_blocks(content):
            number = file.number(ordinal << 20 | block.line)
            anchors.update(block.anchors)
            for anchor in block.anchors:
                sections.enter(document, anchor, number)
            if block.heading_level:
                sections.enter_own(block.heading_level, block.text, number)
            else:
                yield Record(work, sections.path, block.text, block.line, file=place)
    except CorpusFileRefused as refused:
        yield Refusal(place, 0, refused.message)
    for title in sections.contents.titles_elsewhere(document, anchors):
        yield Refusal(place, 0, f"目录里的“{title}”在正文中没有对应的位置，没有成为篇名。")


def _read_package(archive: Archive, work_title: str | None, file_title: str) -> _Book:
    if _ENCRYPTION in archive and any(
        local_name(each) == "CipherReference"
        and not each.get("URI", "").lower().endswith((".otf", ".ttf", ".woff"))
        for each in parse_whole(archive.read(_ENCRYPTION)).iter()
    ):
        raise CorpusFileRefused("EPUB 有数字版权保护（DRM），无法读取正文。")
    rootfile = next(parse_whole(archive.read(_CONTAINER)).iter("{*}rootfile"), None)
    if rootfile is None:
        raise CorpusFileRefused("EPUB 的 container.xml 没有指明内容文件。")
    package = resolve("", rootfile.get("full-path", ""))[0]
    root = parse_whole(archive.read(package))
    items = {item.get("id", ""): item for item in root.iter("{*}item")}
    title = (root.findtext(".//{http://purl.org/dc/elements/1.1/}title") or "").strip()
    author = (root.findtext(".//{http://purl.org/dc/elements/1.1/}creator") or "").strip()
    work = WorkDetails(title or work_title or file_title, author=author)
    navs = [item for item in items.values() if "nav" in item.get("properties", "").split()]
    documents = [
        resolve(package, item.get("href", ""))[0]
        for reference in root.iter("{*}itemref")
        if (item := items.get(reference.get("idref", ""))) is not None
        and item not in navs
        and item.get("media-type") in _HTML_TYPES
    ]
    ncxs = [item for item in items.values() if item.get("media-type") == "application/x-dtbncx+xml"]
    names = [resolve(package, item.get("href", ""))[0] for item in (*navs, *ncxs)]
    return _Book(work, documents, read_contents(archive, names))
