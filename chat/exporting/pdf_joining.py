"""Decides how PDF files become one, with an outline of its conversations and the label in its metadata."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pikepdf

from chat.exporting.forms import TITLE, Cover

# The namespace of the implicit label in XMP, as the practice guides to GB 45438-2025 have it.
_LABEL_NAMESPACE = "http://www.tc260.org.cn/ns/AIGC/1.0/"
pikepdf.models.PdfMetadata.register_xml_namespace(_LABEL_NAMESPACE, "TC260")


def page_count(parts: Sequence[Path]) -> int:
    """Return how many pages the files have together."""
    count = 0
    for part in _with_pages(parts):
        with pikepdf.open(part) as pdf:
            count += len(pdf.pages)
    return count


def join(parts: Sequence[Path], target: Path, cover: Cover | None = None) -> None:
    """Write the files as one; streams go from file to file, so memory holds none of them. None of any is an empty file."""
    parts = list(_with_pages(parts))
    if not parts:
        target.touch()
        return
    with ExitStack() as opened:
        whole = opened.enter_context(pikepdf.new())
        outline: list[tuple[str, int]] = []
        for part in parts:
            source = opened.enter_context(pikepdf.open(part))
            outline += ((title, len(whole.pages) + page) for title, page in _outline(source))
            whole.pages.extend(source.pages)
        with whole.open_outline() as tree:
            tree.root.extend(pikepdf.OutlineItem(title, page) for title, page in outline)
        whole.Root.Lang = pikepdf.String("zh-Hans")
        if cover is not None:
            _describe(whole, cover)
        whole.save(target, compress_streams=True)


def _with_pages(parts: Sequence[Path]) -> Iterator[Path]:
    return (part for part in parts if part.stat().st_size)


def _outline(pdf: pikepdf.Pdf) -> Iterator[tuple[str, int]]:
    with pdf.open_outline() as tree:
        for item in tree.root:
            if isinstance(item.destination, pikepdf.Array):
                page = pikepdf.Page(item.destination[0])
                yield item.title, page.index  # type: ignore[misc]  # the stub takes the property for a method


def _describe(pdf: pikepdf.Pdf, cover: Cover) -> None:
    """Write the title and the implicit label where readers of metadata look: the information dictionary, and XMP."""
    label = cover.implicit.block_as_json()
    with pdf.open_metadata(set_pikepdf_as_editor=False) as metadata:
        metadata["dc:title"] = TITLE
        metadata["dc:description"] = cover.label
        metadata["xmp:CreateDate"] = cover.made_at.isoformat(timespec="seconds")
        metadata[f"{{{_LABEL_NAMESPACE}}}AIGC"] = label
    pdf.docinfo["/Title"] = TITLE
    pdf.docinfo["/Subject"] = cover.label
    pdf.docinfo["/AIGC"] = label
