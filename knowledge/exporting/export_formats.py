"""Decides how each export format writes a work, so that the reader of the same format understands it."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from typing import Any, TextIO, TypeAlias

from knowledge.exporting.work_texts import Step, Text
from knowledge.folding import is_cjk
from knowledge.models import Passage, Work
from knowledge.outlining.outline import cut_text

# A text with its translation.
Line: TypeAlias = tuple[str, str]


class ExportFormat(StrEnum):
    """The formats in which a work can leave."""

    MARKDOWN = "markdown"
    JSONL = "jsonl"
    CSV = "csv"

    @property
    def suffix(self) -> str:
        """The ending of the file's name, by which the reader knows the format."""
        return {"markdown": ".md", "jsonl": ".jsonl", "csv": ".csv"}[self.value]

    @property
    def encoding(self) -> str:
        """How the file is encoded; spreadsheets take a table for UTF-8 only by its byte order mark."""
        return "utf-8-sig" if self is ExportFormat.CSV else "utf-8"

    @property
    def label(self) -> str:
        """What people call the format."""
        return {"markdown": "Markdown", "jsonl": "JSON Lines", "csv": "CSV"}[self.value]


def write_work(work: Work, texts: Iterable[Text], file: TextIO, export_format: ExportFormat) -> None:
    """Write the work with its texts to an open file; whether the format can carry it shows when it is read."""
    _WRITERS[export_format](work, texts, file)


def _write_markdown(work: Work, texts: Iterable[Text], file: TextIO) -> None:
    """Write front matter, headings with their authors as attributes, and a paragraph for each text."""
    values = {"title": work.title, "edition": work.edition, **_details(work)}
    values["aliases"] = "、".join(work.aliases)
    lines = [f"{key}: {value}" for key, value in values.items() if value]
    file.write("\n".join(("---", *lines, "---", "")))
    shown: tuple[Step, ...] = ()
    for text in texts:
        for level, step in enumerate(text.steps, 1):
            if text.steps[:level] != shown[:level]:
                file.write(f"\n#{'#' * level} {step.title}{_attributes(step)}\n")
        shown = text.steps
        file.write(f"\n{text.whole}\n")


def _attributes(step: Step) -> str:
    values = {"author": step.author, "dynasty": step.dynasty}
    written = " ".join(f'{key}="{value}"' for key, value in values.items() if value)
    return f" {{{written}}}" if written else ""


def _write_json_lines(work: Work, texts: Iterable[Text], file: TextIO) -> None:
    for row in _rows(work, texts):
        file.write(json.dumps(row, ensure_ascii=False) + "\n")


def _write_csv(work: Work, texts: Iterable[Text], file: TextIO) -> None:
    """Write a table; what is no plain text, such as a path with authors, stands in its cell as JSON."""
    writer = csv.DictWriter(file, _COLUMNS)
    writer.writeheader()
    for row in _rows(work, texts):
        titles = row.get("section")
        if isinstance(titles, list) and len(titles) == 2:
            row["chapter"], row["section"] = titles
        elif isinstance(titles, list):
            row["path"] = [{"title": title} for title in row.pop("section")]
        writer.writerow({key: _cell(value) for key, value in row.items()})


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    is_list_of_names = isinstance(value, list) and all(isinstance(each, str) for each in value)
    return "、".join(value) if is_list_of_names else json.dumps(value, ensure_ascii=False)


_DETAILS = ("aliases", "author", "dynasty", "category", "license", "source")
_COLUMNS = (
    *("work", "edition", *_DETAILS),
    *("chapter", "section", "path", "kind", "continues", "text", "translation"),
)


def _details(work: Work) -> dict[str, Any]:
    """What the work says about itself beside title and edition, without what is empty."""
    return {key: value for key in _DETAILS if (value := getattr(work, key))}


def _rows(work: Work, texts: Iterable[Text]) -> Iterator[dict[str, Any]]:
    """Yield the records of the work; only the first repeats all that is known about it."""
    place_of = _titles if _titles_suffice(work) else _path
    first = _details(work)
    for text in texts:
        shared = _filled(work=work.title, edition=work.edition) | first | place_of(text.steps)
        if text.kind != Passage.Kind.ROOT:
            shared["kind"] = text.kind
        for number, (part, translation) in enumerate(_parts(text)):
            yield shared | _filled(continues=number > 0, text=part, translation=translation)
            shared = {key: value for key, value in shared.items() if key not in first}
        first = {}


def _filled(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}


def _titles_suffice(work: Work) -> bool:
    """Tell whether titles alone lead to every text: no section has its own author, no two siblings one title."""
    sections = list(work.sections.values_list("parent_id", "title", "author", "dynasty"))
    places = {section[:2] for section in sections}
    return len(places) == len(sections) and not any(section[2] or section[3] for section in sections)


def _titles(steps: tuple[Step, ...]) -> dict[str, Any]:
    titles = [step.title for step in steps]
    return _filled(section=titles[0] if len(titles) == 1 else titles)


def _path(steps: tuple[Step, ...]) -> dict[str, Any]:
    path = [
        _filled(title=step.title, author=step.author, dynasty=step.dynasty, number=step.number)
        for step in steps
    ]
    return _filled(path=path)


def _parts(text: Text) -> list[Line]:
    """Return the records of a text: those of which the reader makes the very same passages, if there are any."""
    whole = [(text.whole, text.translation)]
    if len(text.pieces) == 1:
        return whole
    passages = list(zip(text.pieces, text.translations, strict=True))
    paragraphs = list(_paragraphs(passages))
    candidates = (whole, paragraphs, list(_lines(passages)))
    readable = [each for each in candidates if all(map(_is_readable, each))]
    same = (each for each in readable if list(cut_text(each)) == passages)
    return next(same, paragraphs if paragraphs in readable else whole)


def _is_readable(line: Line) -> bool:
    """Tell whether a reader takes the text as it stands, as a record of its own."""
    return line[0] == line[0].strip() and any(map(is_cjk, line[0]))


def _paragraphs(passages: Sequence[Line]) -> Iterator[Line]:
    """Yield passages up to the next that ends its line, as one: several lines were gathered, or one was cut."""
    start = 0
    for stop, (text, _translation) in enumerate(passages, 1):
        if text.endswith("\n") or stop == len(passages):
            yield _joined(passages[start:stop])
            start = stop


def _lines(passages: Sequence[Line]) -> Iterator[Line]:
    """Yield every line by itself; the translation of a passage stays with its first one."""
    for text, translation in _paragraphs(passages):
        first, *others = text.split("\n")
        yield first, translation
        yield from ((other, "") for other in others)


def _joined(passages: Sequence[Line]) -> Line:
    text = "".join(text for text, _translation in passages).removesuffix("\n")
    return text, "\n".join(filter(None, (translation for _text, translation in passages)))


_WRITERS: dict[ExportFormat, Callable[[Work, Iterable[Text], TextIO], None]] = {
    ExportFormat.MARKDOWN: _write_markdown,
    ExportFormat.JSONL: _write_json_lines,
    ExportFormat.CSV: _write_csv,
}
