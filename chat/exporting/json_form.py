"""Decides how conversations read as JSON for programs; docs/export-1.schema.json describes it."""

from collections.abc import Iterator
from typing import Any

import orjson

from chat.exporting.forms import BRANCH_NOTE, Cover, TextForm
from chat.exporting.reading import Conversation, Utterance

FORMAT = "guoxue-conversations"
VERSION = 1


class JsonForm(TextForm):
    separator = ",\n"

    def head(self, cover: Cover) -> str:
        about = {
            "format": FORMAT,
            "version": VERSION,
            **cover.implicit.as_dict(),
            "label": cover.label,
            "export_id": cover.export_id,
            "exported_at": cover.made_at.replace(microsecond=0),
            "session_count": cover.session_count,
            "note": BRANCH_NOTE,
        }
        return _json(about)[:-1] + ',\n"sessions": [\n'

    def foot(self, cover: Cover) -> str:
        return "\n]}\n"

    def pieces(self, conversation: Conversation) -> Iterator[str]:
        about = {
            "id": conversation.id,
            "title": conversation.title,
            "role_name": conversation.role_name,
            "created_at": conversation.created_at,
            "last_message_at": conversation.last_message_at,
        }
        yield _json(about)[:-1] + ',"messages":['
        separator = "\n"
        for utterance in conversation.utterances():
            yield separator + _json(_message(utterance))
            separator = ",\n"
        yield "]}"


def _message(utterance: Utterance) -> dict[str, Any]:
    about: dict[str, Any] = {
        "id": utterance.id,
        "author": "assistant" if utterance.is_reply else "reader",
        "status": utterance.status,
        "text": utterance.text,
        "note": utterance.note,
        "created_at": utterance.created_at,
        "finished_at": utterance.finished_at,
    }
    if not utterance.is_reply:
        return about
    return about | {
        "role_name": utterance.role_name,
        "model": utterance.model,
        "ai_generated": True,
        "label": utterance.label,
        "content_id": utterance.content_id,
        "reasoning": utterance.reasoning,
        "sources": utterance.sources,
        "quotes": utterance.quotes,
        "usage": {
            "input_tokens": utterance.input_tokens,
            "cached_input_tokens": utterance.cached_input_tokens,
            "output_tokens": utterance.output_tokens,
            "estimated": utterance.usage_estimated,
        },
        "cost_micros": utterance.cost_micros,
    }


def _json(value: dict[str, Any]) -> str:
    return orjson.dumps(value).decode()
