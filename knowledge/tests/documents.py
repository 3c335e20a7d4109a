"""Small documents made by hand, and readers of them, for the tests of formats."""

import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from knowledge.formats import Format, Source, read_file, read_source
from knowledge.outlining.records import Record, Refusal

Items = tuple[list[Record], list[Refusal]]


def read(path: Path, **options: object) -> Items:
    """Read one file; return its records and its refusals."""
    return sort_out(read_file(path, **options))


def read_all(source: Source, **options: object) -> Items:
    """Read one source; return its records and its refusals."""
    return sort_out(read_source(source, **options))


def sort_out(items: Iterable[Record | Refusal]) -> Items:
    found = list(items)
    return (
        [item for item in found if isinstance(item, Record)],
        [item for item in found if isinstance(item, Refusal)],
    )


def places(records: Sequence[Record]) -> list[tuple[str, ...]]:
    """The titles of the headings above each record."""
    return [tuple(heading.title for heading in record.headings) for record in records]


def encoding_of(path: Path, format: Format | None = None) -> str:
    """The encoding that reading the file reports."""
    reading = read_file(path, format=format)
    list(reading)
    return reading.files[0].encoding


def write_zip(path: Path, members: Mapping[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def write_pdf(path: Path, pages: Sequence[Sequence[str]]) -> Path:
    """Write a PDF whose only font has no glyphs, but says which character each of its codes is."""
    characters = sorted({character for page in pages for line in page for character in line})
    codes = {character: f"{number:04X}" for number, character in enumerate(characters, 1)}
    kids = " ".join(f"{6 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Count {len(pages)} /Kids [{kids}] >>",
        "<< /Type /Font /Subtype /Type0 /BaseFont /X /Encoding /Identity-H /DescendantFonts [4 0 R] /ToUnicode 5 0 R >>",
        "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /X /DW 1000 /CIDSystemInfo << /Registry (Adobe) /Ordering "
        "(Identity) /Supplement 0 >> /FontDescriptor << /Type /FontDescriptor /FontName /X /Flags 4 /FontBBox "
        "[0 -200 1000 900] /ItalicAngle 0 /Ascent 900 /Descent -200 /CapHeight 700 /StemV 80 >> >>",
        _pdf_stream(_to_unicode(codes)),
    ]
    for number, page in enumerate(pages):
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F 3 0 R >> >> "
            f"/Contents {7 + 2 * number} 0 R >>"
        )
        lines = "".join(f"<{''.join(codes[character] for character in line)}> Tj T*\n" for line in page)
        objects.append(_pdf_stream(f"BT /F 12 Tf 18 TL 60 780 Td\n{lines}ET"))
    path.write_bytes(_pdf_file(objects))
    return path


def _to_unicode(codes: Mapping[str, str]) -> str:
    pairs = "".join(
        f"1 beginbfchar <{code}> <{character.encode('utf-16-be').hex()}> endbfchar\n"
        for character, code in codes.items()
    )
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def\n"
        "1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
        f"{pairs}endcmap end end"
    )


def _pdf_stream(content: str) -> str:
    return f"<< /Length {len(content)} >>\nstream\n{content}\nendstream"


def _pdf_file(objects: Sequence[str]) -> bytes:
    body, offsets = "%PDF-1.4\n", []
    for number, each in enumerate(objects, 1):
        offsets.append(len(body))
        body += f"{number} 0 obj\n{each}\nendobj\n"
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    size = len(objects) + 1
    return (
        f"{body}xref\n0 {size}\n0000000000 65535 f \n{table}"
        f"trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{len(body)}\n%%EOF"
    ).encode("ascii")
