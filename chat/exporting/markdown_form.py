"""Decides how conversations read as one Markdown document: what others wrote cannot change its structure."""

import re
from collections.abc import Iterator
from datetime import datetime

from django.utils import timezone

from chat.exporting.forms import BRANCH_NOTE, TITLE, Cover, TextForm, told_quote
from chat.exporting.reading import Conversation, Utterance
from chat.labels import label_line

_SIGNS = re.compile(r"([\\`*_\[\]<>#|~])")
_HEADING = re.compile(r"(#{1,6})(?=\s)")
_FENCE = re.compile(r"\s{0,3}(`{3,}|~{3,})")
# A reply has neither HTML nor images; should one ever come in, it shall stay text.
_FOREIGN = re.compile(r"<(?=[A-Za-z/!?])|!(?=\[)")
# Title of the document, of a conversation, name of a speaker: a reply's own headings come under these.
_LEVELS_ABOVE = 3


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
    return _SIGNS.sub(r"\\\1", " ".join(text.split()))


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
    """Put a reply's headings under the speaker's; code is left as it is."""
    lines, fence = [], ""
    for line in text.splitlines():
        mark = _FENCE.match(line)
        if mark and not fence:
            fence = mark.group(1)
        elif mark and mark.group(1).startswith(fence):
            fence = ""
        elif not fence:
            line = _HEADING.sub(lambda signs: "#" * min(6, len(signs.group()) + _LEVELS_ABOVE), line, count=1)
            line = _FOREIGN.sub(lambda sign: "\\" + sign.group(), line)
        lines.append(line)
    # A fence that the reply left open would swallow the rest of the document.
    return "\n".join([*lines, fence] if fence else lines)
