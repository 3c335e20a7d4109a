"""Decides how a PDF becomes records: the text of its pages without what repeats on them, paragraphs rejoined."""

import re
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

from knowledge.errors import CorpusFileRefused
from knowledge.folding import is_cjk
from knowledge.formats.corpus_file import CorpusFile
from knowledge.formats.plain import read_paragraphs
from knowledge.outlining.records import ParsedItems, WorkDetails

MAX_CHARACTERS = 64_000_000
# Headers and footers: so many lines at each edge of a page, on so many pages at least.
_EDGE_LINES = 2
_LEAST_REPEATS, _LEAST_REPEATING_SHARE = 3, 0.05
_NUMBERS = re.compile(r"[0-9０-９〇零一二三四五六七八九十百千\W_]+")
_PAGE_NUMBER = re.compile(
    r"^[\s\-—–·•|]*第?\s*(?:[0-9０-９]{1,4}|[〇零一二三四五六七八九十百]{1,6})\s*页?(?:\s*[/／]\s*[0-9]{1,4})?[\s\-—–·•|]*$"
)
_LEAST_CHARACTERS_PER_PAGE = 2
# PDFium must not be called by two threads at once.
_lock = threading.Lock()


def read_pdf(file: CorpusFile, work_title: str | None) -> ParsedItems:
    """Yield one record for each paragraph, under chapter lines as in plain text; its line is the page.

    Raises ``CorpusFileRefused`` for a PDF that is damaged or encrypted, or has no text.
    """
    pages = _read_pages(file)
    characters = sum(sum(map(is_cjk, line)) for page in pages for line in page)
    if characters < _LEAST_CHARACTERS_PER_PAGE * len(pages):
        raise CorpusFileRefused("这个 PDF 没有文字（可能是扫描的图片），请先做文字识别（OCR）再导入。")
    repeated = _repeated_edges(pages)
    lines = [
        (number, line)
        for number, page in enumerate(pages, 1)
        for position, line in enumerate(page)
        if not (_is_edge(position, page) and _is_running(line, repeated))
    ]
    yield from read_paragraphs(file, WorkDetails(work_title or file.title), lambda: iter(lines))


def _read_pages(file: CorpusFile) -> list[list[str]]:
    """Return the lines of each page, as they stand from its top to its bottom."""
    # Loaded when it is needed: the library is large, and most processes never read a PDF.
    import pypdfium2

    with _lock:
        try:
            document = pypdfium2.PdfDocument(file.path)
        except pypdfium2.PdfiumError as error:
            reason = "有密码保护，请先解除" if "password" in str(error).lower() else "已损坏，或不是 PDF"
            raise CorpusFileRefused(f"PDF 文件{reason}。") from error
        try:
            pages: list[list[str]] = []
            total = 0
            for text in _texts(document):
                total += len(text)
                if total > MAX_CHARACTERS:
                    raise CorpusFileRefused(f"PDF 的文字超过 {MAX_CHARACTERS} 字，请拆分后再导入。")
                pages.append(
                    [line for each in text.splitlines() if (line := each.rstrip().strip("\x02\ufffe"))]
                )
        finally:
            document.close()
    return pages


def _texts(document: Any) -> Iterator[str]:
    from pypdfium2 import PdfiumError

    for number in range(len(document)):
        try:
            page = document[number]
            textpage = page.get_textpage()
            yield textpage.get_text_range()
        except PdfiumError as error:
            raise CorpusFileRefused(
                f"PDF 第 {number + 1} 页已损坏，请用阅读软件另存一份，或去掉这一页，再导入。"
            ) from error
        textpage.close()
        page.close()


def _is_edge(position: int, page: list[str]) -> bool:
    return position < _EDGE_LINES or position >= len(page) - _EDGE_LINES


def _repeated_edges(pages: list[list[str]]) -> set[str]:
    """Return what stands at the edges of many pages, but for its numbers."""
    counts: Counter[str] = Counter()
    for page in pages:
        edges = [line for position, line in enumerate(page) if _is_edge(position, page)]
        counts.update({_NUMBERS.sub("", line) for line in edges})
    least = max(_LEAST_REPEATS, _LEAST_REPEATING_SHARE * len(pages))
    return {edge for edge, count in counts.items() if edge and count >= least}


def _is_running(line: str, repeated: set[str]) -> bool:
    return bool(_PAGE_NUMBER.match(line)) or _NUMBERS.sub("", line) in repeated
