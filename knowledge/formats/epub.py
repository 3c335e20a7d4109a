"""Decides how an EPUB becomes records: documents in the order of the spine, under the headings of its contents."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from knowledge.errors import CorpusFileRefused
from knowledge.formats.archive import Archive, open_archive, resolve
from knowledge.formats.corpus_file import CorpusFile
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
    documents: list[str] = field(default_factory=list)
    headings: dict[tuple[str, str], tuple[int, str]] = field(default_factory=dict)


def read_epub(file: CorpusFile, work_title: str | None) -> ParsedItems:
    """Yield one record for each paragraph; its line is that in the document which its file names behind a #.

    Sections come from the table of contents and from the headings of the text. Raises ``CorpusFileRefused``
    for an EPUB that is encrypted, damaged or too large.
    """
    with open_archive(file.path, "EPUB") as archive:
        book = _read_package(archive, work_title, file.stem)
        stack: list[tuple[int, Heading]] = []
        # The rank of the last heading from the table of contents; the text's own headings lie below it.
        base = 0
        for ordinal, document in enumerate(book.documents):
            if document not in archive:
                yield Refusal(file.name, 0, f"EPUB 里缺少正文文件 {document}。")
                continue
            base = _enter(stack, book, document, "", file.number(ordinal << 20)) or base
            for block in read_blocks(archive.read(document)):
                number = file.number(ordinal << 20 | block.line)
                for anchor in block.anchors:
                    base = _enter(stack, book, document, anchor, number) or base
                if block.heading_level:
                    _push(stack, base + block.heading_level, block.text, number)
                elif block.text:
                    place = f"{file.name}#{document}"
                    yield Record(book.work, _path(stack), block.text, block.line, file=place)


def _enter(
    stack: list[tuple[int, Heading]], book: _Book, document: str, anchor: str, number: int
) -> int | None:
    """Go under the heading that the contents have at this place; return its rank, or None."""
    entry = book.headings.get((document, anchor))
    if entry is None:
        return None
    level, title = entry
    _push(stack, level * _LEVELS, title, number)
    return level * _LEVELS


def _push(stack: list[tuple[int, Heading]], rank: int, title: str, number: int) -> None:
    """Put a heading on the stack; the text's own heading that only repeats the contents' is passed over."""
    title = " ".join(title.split())
    if not title or (stack and stack[-1][0] < rank and title in stack[-1][1].title):
        return
    stack[:] = [each for each in stack if each[0] < rank]
    stack.append((rank, Heading(title, number=number)))


def _path(stack: list[tuple[int, Heading]]) -> tuple[Heading, ...]:
    return tuple(heading for _rank, heading in stack)


def _read_package(archive: Archive, work_title: str | None, stem: str) -> _Book:
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
    work = WorkDetails(title or work_title or stem, author=author)
    contents = [item for item in items.values() if "nav" in item.get("properties", "").split()]
    documents = [
        resolve(package, item.get("href", ""))[0]
        for reference in root.iter("{*}itemref")
        if (item := items.get(reference.get("idref", ""))) is not None
        and item not in contents
        and item.get("media-type") in _HTML_TYPES
    ]
    contents += [item for item in items.values() if item.get("media-type") == "application/x-dtbncx+xml"]
    headings: dict[tuple[str, str], tuple[int, str]] = {}
    for item in contents[:1]:
        name = resolve(package, item.get("href", ""))[0]
        headings = dict(_contents(archive, name)) if name in archive else {}
    return _Book(work, documents, headings)


def _contents(archive: Archive, name: str) -> Iterator[tuple[tuple[str, str], tuple[int, str]]]:
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
        if "toc" not in nav.get("{http://www.idpf.org/2007/ops}type", "toc"):
            continue
        for link in nav.iter("{*}a"):
            level = sum(local_name(each) == "li" for each in link.iterancestors())
            yield resolve(name, link.get("href", "")), (level, "".join(link.itertext()))
