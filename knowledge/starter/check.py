"""Decides whether the starter corpus agrees, character by character, with reference editions in a folder.

``python -m knowledge.starter.check REFERENCE_FOLDER [TITLE ...]`` prints each difference with its reason from
``differences.csv``. It exits with 1 while a difference has no reason, with 2 when there is no reference.
"""

import argparse
import csv
import json
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

from knowledge.folding import fold

STARTER = Path(__file__).parent
# 双语数据 is 古文原文 less the sentences that were not aligned: it serves only where it is all there is.
PROSE_REFERENCES = {
    "论语": ("chinese-poetry/lunyu/lunyu.json", "classical-modern/古文原文/论语"),
    "大学": ("chinese-poetry/sishuwujing/daxue.json", "classical-modern/双语数据/大学章句集注"),
    "中庸": ("chinese-poetry/sishuwujing/zhongyong.json", "classical-modern/古文原文/中庸"),
    "道德经": ("classical-modern/古文原文/老子",),
    "孙子兵法": ("classical-modern/古文原文/孙子兵法",),
    "三字经": ("chinese-poetry/mengxue/sanzijing-traditional.json", "classical-modern/古文原文/三字经"),
}
POEM_REFERENCES = (
    "chinese-poetry/shijing/shijing.json",
    "chinese-poetry/quantangshi/*.json",
    "chinese-poetry/songci/*.json",
    "chinese-poetry/wudaishici/*/*.json",
    "chinese-poetry/mengxue/*shi*.json",  # 唐诗三百首, 千家诗
    "gushiwen/*.json",
)
CONTEXT_CHARACTERS = 4
LONG_READING = r"^(.{20}).{20,}(.{20})$"
SAME_POEM_RATIO = 0.6
EDITOR_NOTE = re.compile(r"[（(][^）)]*[）)]")


@dataclass(frozen=True)
class Piece:
    """One section or poem: its heading, its author, and its clauses, folded."""

    title: str
    author: str
    clauses: tuple[str, ...]

    @property
    def text(self) -> str:
        return "".join(self.clauses)

    @property
    def keys(self) -> set[str]:
        return {f"{fold(self.title)}/{fold(self.author)}", *self.clauses}


@dataclass(frozen=True)
class Difference:
    """One place where two editions differ: both readings, folded, each with a little shared context."""

    work: str
    section: str
    ours: str
    reference: str


@dataclass
class Comparison:
    """What one starter work showed: its differences and who has them, and what has no reference."""

    work: str
    characters: int = 0
    found: dict[Difference, list[str]] = field(default_factory=lambda: defaultdict(list))
    unreferenced: list[str] = field(default_factory=list)


def read_work(path: Path) -> tuple[str, list[Piece]]:
    """Read a starter file: the title from its front matter, and its pieces in order."""
    _, matter, body = path.read_text(encoding="utf-8").split("---\n", 2)
    metadata = dict(line.split(": ", 1) for line in matter.splitlines() if ": " in line)
    pieces = []
    for block in re.split(r"^#+ ", f"\n{body}", flags=re.MULTILINE):
        heading, _, text = block.partition("\n")
        author = re.search(r"author=([^\s}]+)", heading)
        name = author[1] if author else metadata.get("author", "")
        pieces.append(_piece(heading.partition("{")[0].strip(), name, text))
    return metadata["title"], [piece for piece in pieces if piece.clauses]


def read_reference(path: Path) -> list[Piece]:
    """Read one reference: a folder of chapters (文言 only), a JSON file, or a file of JSON lines."""
    if path.is_dir():
        files = [file for file in path.rglob("*.txt") if file.name in ("text.txt", "source.txt")]
        files.sort(key=lambda file: (_ordinal(file.parent.name), file))
        return [_piece(file.parent.name, "", file.read_text(encoding="utf-8")) for file in files]
    text = path.read_text(encoding="utf-8").strip()
    documents = text.split("\n") if path.parent.name == "gushiwen" else [text]
    return [piece for document in documents for piece in _pieces_in(json.loads(document)) if piece.clauses]


def _pieces_in(node: Any) -> list[Piece]:
    """Walk a JSON document down to every record with lines of text, whatever its keys are called."""
    if isinstance(node, list):
        return [piece for child in node for piece in _pieces_in(child)]
    body = node.get("paragraphs") or node.get("content") or ""
    if isinstance(body, list) and not isinstance(body[0], str):
        return _pieces_in(body)
    title = node.get("title") or node.get("rhythmic") or node.get("chapter") or ""
    author = node.get("author") or node.get("writer") or ""
    text = body if isinstance(body, str) else "\n".join(body)
    return [_piece(title, EDITOR_NOTE.sub("", author), EDITOR_NOTE.sub("", text))]


def _piece(title: str, author: str, text: str) -> Piece:
    return Piece(title, author, tuple(filter(None, map(fold, re.split(r"[，。；：！？\n]", text)))))


def _ordinal(title: str) -> int:
    """Read 第七十一章 as 71; titles that are not numbers come first."""
    digits = "〇一二三四五六七八九"
    tens, ten, units = title.strip("第章篇").rpartition("十")
    return 10 * bool(ten) * digits.find(tens or "一") + digits.find(units)


def compare_sections(work: str, ours: list[Piece], reference: list[Piece]) -> Iterator[Difference]:
    """Yield the differences section by section, or of the whole where most headings have no counterpart."""
    counterparts = {fold(piece.title).strip("第章篇"): piece for piece in reference}
    keys = [fold(piece.title).strip("第章篇") for piece in ours]
    if sum(key in counterparts for key in keys) * 2 < len(ours) or len(counterparts) == 1:
        yield from compare_texts(work, ours, "".join(piece.text for piece in reference))
        return
    for key, piece in zip(keys, ours, strict=True):
        counterpart = counterparts.pop(key, None)
        yield from compare_texts(work, [piece], counterpart.text if counterpart else "")
    for missing in counterparts.values():
        yield from compare_texts(work, [Piece(missing.title, "", ())], missing.text)


def compare_texts(work: str, ours: list[Piece], reference: str) -> Iterator[Difference]:
    """Yield each place where our pieces, joined, differ from the reference, under the piece it falls in."""
    text = "".join(piece.text for piece in ours)
    sections = [piece.title for piece in ours for _ in piece.text] or [ours[0].title]
    opcodes = SequenceMatcher(None, text, reference, False).get_opcodes()
    for index, (tag, start, end, ref_start, ref_end) in enumerate(opcodes):
        if tag == "equal":
            continue
        previous, following = opcodes[max(index - 1, 0)], opcodes[min(index + 1, len(opcodes) - 1)]
        before = text[previous[1] : start][-CONTEXT_CHARACTERS:]
        after = text[end : following[2]][:CONTEXT_CHARACTERS]
        readings = (before + text[start:end] + after, before + reference[ref_start:ref_end] + after)
        section = sections[min(start, len(sections) - 1)]
        yield Difference(work, section, *(re.sub(LONG_READING, r"\1……\2", reading) for reading in readings))


def best_match(poem: Piece, index: dict[str, list[Piece]]) -> Piece | None:
    """Find the reference poem most like this one among those that share a clause or its title and author."""
    candidates = {candidate for key in poem.keys for candidate in index.get(key, ())}
    likeness = {each: SequenceMatcher(None, poem.text, each.text, False).ratio() for each in candidates}
    best = max(candidates, key=lambda each: (likeness[each], each.title), default=None)
    return best if best and likeness[best] >= SAME_POEM_RATIO else None


def compare_prose(work: str, pieces: list[Piece], references: dict[str, list[Piece]]) -> Comparison:
    """Compare a book with every reference that has it."""
    characters = sum(len(piece.text) for piece in pieces) if references else 0
    comparison = Comparison(work, characters, unreferenced=[] if references else ["全书"])
    for name, reference in references.items():
        for difference in compare_sections(work, pieces, reference):
            comparison.found[difference].append(name)
    return comparison


def compare_poems(work: str, poems: list[Piece], index: dict[str, list[Piece]]) -> Comparison:
    """Compare each poem of a selection with the reference poem most like it."""
    comparison = Comparison(work)
    for poem in poems:
        if (match := best_match(poem, index)) is None:
            comparison.unreferenced.append(poem.title)
            continue
        comparison.characters += len(poem.text)
        for difference in compare_texts(work, [poem], match.text):
            comparison.found[difference].append(f"{match.author}《{match.title}》")
    return comparison


def read_reasons(path: Path) -> dict[Difference, str]:
    """Read the differences that were looked into, with the reason of each."""
    with path.open(encoding="utf-8", newline="") as file:
        _header, *rows = csv.reader(file)
    return {Difference(*readings): reason for *readings, reason in rows}


def report(comparison: Comparison, reasons: dict[Difference, str]) -> tuple[str, int]:
    """Print every difference of one work; return its summary line and how many have no reason."""
    for difference, references in comparison.found.items():
        print(f"《{difference.work}》{difference.section}（参考：{'、'.join(references)}）")
        print(f"  本书：{difference.ours}\n  参考：{difference.reference}")
        print(f"  缘由：{reasons.get(difference) or '未说明'}")
    unexplained = sum(not reasons.get(difference) for difference in comparison.found)
    counts = f"差异已说明 {len(comparison.found) - unexplained} 处，未说明 {unexplained} 处"
    summary = f"《{comparison.work}》比对 {comparison.characters} 字，{counts}"
    if comparison.unreferenced:
        summary += f"；{len(comparison.unreferenced)} 篇无参考：{'、'.join(comparison.unreferenced)}"
    return summary, unexplained


def compare_all(folder: Path, titles: list[str]) -> Iterator[Comparison]:
    """Compare the starter works, or those with the given titles, with all that the folder has of them."""
    index: dict[str, list[Piece]] = defaultdict(list)
    for path in (path for pattern in POEM_REFERENCES for path in sorted(folder.glob(pattern))):
        for poem in read_reference(path):
            for key in poem.keys:
                index[key].append(poem)
    for work, pieces in map(read_work, sorted(STARTER.glob("*.md"))):
        if titles and work not in titles:
            continue
        if work not in PROSE_REFERENCES:
            yield compare_poems(work, pieces, index)
            continue
        paths = [path for pattern in PROSE_REFERENCES[work] for path in sorted(folder.glob(pattern))]
        references = {f"{path.parent.name}/{path.stem}": read_reference(path) for path in paths}
        yield compare_prose(work, pieces, references)


def main() -> int:
    """Compare, print, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m knowledge.starter.check", description="逐字校对入门典籍")
    parser.add_argument("folder", type=Path, help="参考语料所在的文件夹")
    parser.add_argument("titles", nargs="*", help="只校对这些典籍（默认全部）")
    arguments = parser.parse_args()
    reasons = read_reasons(STARTER / "differences.csv")
    comparisons = list(compare_all(arguments.folder, arguments.titles))
    if not any(comparison.characters for comparison in comparisons):
        print(f"在 {arguments.folder} 没有找到可供比对的参考语料，请检查文件夹路径。", file=sys.stderr)
        return 2
    results = [report(comparison, reasons) for comparison in comparisons]
    print(*(summary for summary, _ in results), sep="\n")
    unused = reasons.keys() - {difference for comparison in comparisons for difference in comparison.found}
    if unused and not arguments.titles:
        print(f"differences.csv 有 {len(unused)} 行未用到：", *unused, sep="\n  ")
    return int(any(unexplained for _, unexplained in results))


if __name__ == "__main__":
    sys.exit(main())
