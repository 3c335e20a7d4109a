"""Decides how plain text becomes records: paragraphs, under chapter lines such as 第一章 or 卷二."""

import re
from pathlib import Path

from knowledge.formats.blocks import split_blocks
from knowledge.records import Heading, ParsedItems, Record, WorkDetails

_NUMBER = "[〇零一二三四五六七八九十百千上中下0-9]+"
_CHAPTER = re.compile(rf"^(?:第{_NUMBER}[章回卷篇节]|卷{_NUMBER})(?:[^。！？；，]{{0,20}})$")


def read_plain(content: str, name: str, work_title: str | None) -> ParsedItems:
    """Yield one record for each paragraph.

    Paragraphs are divided by blank lines; in a file without any, every line is a paragraph.
    """
    work = WorkDetails(title=work_title or Path(name).stem)
    headings: tuple[Heading, ...] = ()
    lines = content.strip("\n").split("\n")
    first_number = 1 + len(content) - len(content.lstrip("\n"))
    every_line = all(line.strip() for line in lines)
    for number, text in split_blocks(
        lines, first_number=first_number, stands_alone=lambda line: every_line or bool(_CHAPTER.match(line))
    ):
        if _CHAPTER.match(text):
            headings = (Heading(text, number=number),)
        else:
            yield Record(work, headings, text, number)
