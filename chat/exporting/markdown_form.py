"""Decides how conversations read as one Markdown document: what others wrote cannot change its structure."""

import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise

from django.utils import timezone
from markdown_it import MarkdownIt
from markdown_it.token import Token

from chat.exporting.forms import BRANCH_NOTE, TITLE, Cover, TextForm, told_quote
from chat.exporting.reading import Conversation, Utterance
from chat.labels import label_line
from chat.rendering import is_hostile

_SIGNS = re.compile(r"([\\`*_\[\]<>#|~&])")
# Begins a list, or underlines a heading, where it stands at the beginning of a line.
_BEGINNING = re.compile(r"^(\d{1,9}(?=[.)](?:\s|$))|(?=[-+=]))")
_LINE_END = re.compile(r"\r\n?|\n")
# A reply has neither HTML nor images; should one ever come in, it shall stay text.
_FOREIGN = re.compile(r"<(?=[A-Za-z/!?])|!(?=\[)")
# Title of the document, of a conversation, name of a speaker: a reply's own headings come under these.
_LEVELS_ABOVE = 3
_parser = MarkdownIt("commonmark", {"html": False}).disable("reference")
_parser.core.ruler.enableOnly(["normalize", "block"])


class MarkdownForm(TextForm):
    def head(self, cover: Cover) -> str:
        lines = (
            "---",
            f"title: {TITLE}",
            f"AIGC: {cover.implicit.block_as_json()}",
            f"export_id: {cover.export_id}",
            f"exported_at: {cover.made_at.isoformat(timespec='seconds')}",
            "---",
            "",
            f"# {TITLE}",
            "",
            f"{moment(cover.made_at)} 导出，共 {cover.session_count} 个对话。{BRANCH_NOTE}",
            "",
            f"**{cover.label}**",
        )
        return "\n".join(lines) + "\n"

    def foot(self, cover: Cover) -> str:
        return f"\n---\n\n{label_line(cover.label, str(cover.export_id))}\n"

    def pieces(self, conversation: Conversation) -> Iterator[str]:
        yield (
            f"\n## {literal(conversation.title)}\n\n"
            f"角色：{literal(conversation.role_name)} · 开始于 {moment(conversation.created_at)}"
            f" · 最近 {moment(conversation.last_message_at)}\n"
        )
        for utterance in conversation.utterances():
            yield "\n".join(_blocks(utterance))


def moment(time: datetime) -> str:
    """Return a time as people write it."""
    return timezone.localtime(time).strftime("%Y-%m-%d %H:%M")


def literal(text: str) -> str:
    """Return plain text so that Markdown shows it as it is, on one line."""
    return _BEGINNING.sub(r"\1\\", _SIGNS.sub(r"\\\1", " ".join(text.split())))


def _blocks(utterance: Utterance) -> Iterator[str]:
    yield f"\n### {literal(utterance.role_name)} · {moment(utterance.created_at)}\n"
    if utterance.text:
        yield (_reply(utterance.text) if utterance.is_reply else _question(utterance.text)) + "\n"
    if utterance.note:
        yield f"（{utterance.note}）\n"
    if utterance.label:
        yield f"{label_line(utterance.label, utterance.content_id)}\n"
    if utterance.quotes:
        yield "**引文核对**\n"
        yield "".join(f"- {literal(told_quote(quote))}\n" for quote in utterance.quotes)
    if utterance.sources:
        yield "**参考原文**\n"
        yield "".join(
            f"{source['n']}. {literal(source['citation'])}：{literal(source['text'])}\n"
            for source in utterance.sources
        )


def _question(text: str) -> str:
    return "\n".join(f"> {literal(line)}  ".rstrip() + "  " for line in text.splitlines()).rstrip()


def _reply(text: str) -> str:
    """Put a reply's headings under the speaker's, and close a fence that it left open; code is left as it is."""
    lines = _LINE_END.sub("\n", text).rstrip("\n").split("\n")
    if is_hostile(text):
        return "  \n".join(map(literal, lines))
    tokens = _parser.parse("\n".join([*lines, ""]))
    code = {line for token in tokens if token.type in ("fence", "code_block") for line in _lines_of(token)}
    shown = [line if at in code else _FOREIGN.sub(r"\\\g<0>", line) for at, line in enumerate(lines)]
    # From the end, as a heading that is underlined has more lines before than after.
    for heading, words in reversed(list(pairwise(tokens))):
        if heading.type == "heading_open":
            place = _lines_of(heading)
            shown[place.start : place.stop] = [_lowered(heading, words, shown[place.start])]
    return "\n".join([*shown, *_open_fence(tokens)])


def _lowered(heading: Token, words: Token, line: str) -> str:
    """Return a heading as one line under the speaker's; ``line`` is the first of its own, quoted or listed as it is."""
    signs = "#" * min(6, int(heading.tag[1:]) + _LEVELS_ABOVE)
    if heading.markup.startswith("#"):
        return line.replace(heading.markup, signs, 1)
    said = _FOREIGN.sub(r"\\\g<0>", words.content).split("\n")
    return f"{line.rstrip().removesuffix(said[0].rstrip())}{signs} {' '.join(part.strip() for part in said)}"


def _open_fence(tokens: Sequence[Token]) -> Iterator[str]:
    """Yield the end of a fence that would swallow the rest of the document; one in a list or a quotation ends with it."""
    if tokens and tokens[-1].type == "fence":
        last = tokens[-1]
        if len(_lines_of(last)) < last.content.count("\n") + 2:
            yield last.markup


def _lines_of(token: Token) -> range:
    return range(*token.map) if token.map else range(0)
