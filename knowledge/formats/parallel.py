"""Decides how the folders of a parallel corpus become records: line n of the original, line n of the translation.

The form is that of NiuTrans/Classical-Modern: 书/篇[/章]/{source,target,bitext}.txt, or 书/篇/text.txt.
"""

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

from knowledge.errors import CorpusFileRefused
from knowledge.formats.corpus_file import CorpusFile
from knowledge.formats.poems import with_poems
from knowledge.outlining.records import Heading, ParsedItems, Record, Refusal, WorkDetails

SOURCE, TARGET, BITEXT, TEXT = "source.txt", "target.txt", "bitext.txt", "text.txt"
ORIGINALS = (SOURCE, BITEXT, TEXT)
_MARKS = {"古文": 0, "原文": 0, "文言": 0, "现代文": 1, "译文": 1}


def read_leaf(files: Mapping[str, CorpusFile], work: WorkDetails) -> ParsedItems:
    """Yield the records of one 篇 or 章 from the files of its folder, given by their names.

    Aligned lines are parts of one text, so that short ones share a passage; the paragraphs of a ``text.txt``
    are texts of their own, but for the lines of a poem (``with_poems``). Where original and translation have not
    the same number of lines, the translation is refused and the original read. Raises ``CorpusFileRefused`` where
    no file has the name of an original.
    """
    name = next((name for name in ORIGINALS if name in files), None)
    if name is None:
        raise CorpusFileRefused(
            f"平行语料的原文应名为 {'、'.join(ORIGINALS)}，这里是 {'、'.join(files)}。请改名，或不指定 parallel 格式。"
        )
    file = files[name]
    headings = tuple(Heading(title) for title in PurePosixPath(file.name).parent.parts)
    if name == TEXT:
        poems = with_poems(_written_lines(file), stands_alone=lambda _line: False)
        for number, text, goes_on in poems:
            yield Record(work, headings, text, number, file=file.name, goes_on=goes_on)
        return
    goes_on = False
    for item in _lines(name, files):
        if isinstance(item, Refusal):
            yield item
            continue
        number, text, translation = item
        yield Record(work, headings, text, number, "root", translation, file.name, goes_on)
        goes_on = True


def _lines(name: str, files: Mapping[str, CorpusFile]) -> Iterator[tuple[int, str, str] | Refusal]:
    """Yield (line, original, translation), or why something is refused."""
    if name == SOURCE and TARGET in files:
        return _aligned_lines(files[SOURCE], files[TARGET])
    if name == BITEXT:
        return _bitext_lines(files[BITEXT])
    return ((number, text, "") for number, text in _written_lines(files[name]))


def _aligned_lines(source: CorpusFile, target: CorpusFile) -> Iterator[tuple[int, str, str] | Refusal]:
    originals, translations = _whole(source), _whole(target)
    if len(originals) != len(translations):
        line = min(len(originals), len(translations)) + 1
        counts = f"译文 {len(translations)} 行，原文 {len(originals)} 行"
        yield Refusal(target.name, line, f"{counts}，无法逐行对应；只载入了原文。")
        translations = [""] * len(originals)
    for number, (original, translation) in enumerate(zip(originals, translations, strict=True), 1):
        if original:
            yield number, original, translation
        elif translation:
            yield Refusal(target.name, number, "这一行译文没有对应的原文。")


def _bitext_lines(file: CorpusFile) -> Iterator[tuple[int, str, str] | Refusal]:
    """Read pairs of lines, 「古文：…」 and 「现代文：…」."""
    waiting: tuple[int, str] | None = None
    for number, line in file.lines():
        mark, colon, rest = line.strip().replace(":", "：", 1).partition("：")
        side = _MARKS.get(mark) if colon else None
        if side == 1 and waiting:
            yield *waiting, rest.strip()
            waiting = None
        elif side == 0:
            if waiting:
                yield *waiting, ""
            waiting = (number, rest.strip())
        elif line.strip():
            yield Refusal(file.name, number, "应以“古文：”或“现代文：”开头，并且成对。")
    if waiting:
        yield *waiting, ""


def _written_lines(file: CorpusFile) -> Iterator[tuple[int, str]]:
    return ((number, line.strip()) for number, line in file.lines() if line.strip())


def _whole(file: CorpusFile) -> list[str]:
    """Return the lines of a file without the blank ones at its end."""
    lines = [line.strip() for _number, line in file.lines()]
    while lines and not lines[-1]:
        lines.pop()
    return lines
