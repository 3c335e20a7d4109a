"""Decides how generated content is labelled, where people read it and where machines do, in payload, copy and export.

Sources: 《人工智能生成合成内容标识办法》 (in force since 2025-09-01); GB 45438-2025, text labels (the wording names 人工智能
or AI, and 生成 or 合成) and Annex E, the metadata of files.
"""

import json
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings

from chat.models import Message
from guoxue.llm import OFFLINE_MODEL

LABEL = "内容由 AI 生成，请对照原典"
OFFLINE_LABEL = "离线模式：仅摘引原文，由 AI 服务合成"
# 属于人工智能生成合成内容; 2 and 3, possible and suspected, are for those who only pass content on.
_IS_GENERATED = "1"


@dataclass(frozen=True)
class ImplicitLabel:
    """What the metadata of a file says of its origin; one block a file, all values strings."""

    content_producer: str
    produce_id: str
    content_propagator: str
    propagate_id: str
    reserved_code_1: str = ""
    reserved_code_2: str = ""

    def as_dict(self) -> dict[str, dict[str, str]]:
        """Return the label under the names of Annex E."""
        return {
            "AIGC": {
                "Label": _IS_GENERATED,
                "ContentProducer": self.content_producer,
                "ProduceID": self.produce_id,
                "ReservedCode1": self.reserved_code_1,
                "ContentPropagator": self.content_propagator,
                "PropagateID": self.propagate_id,
                "ReservedCode2": self.reserved_code_2,
            }
        }

    def as_json(self) -> str:
        """Return the label as the value of one metadata field."""
        return json.dumps(self.as_dict(), ensure_ascii=False)

    def block_as_json(self) -> str:
        """Return the label as the value of a metadata field that is itself called AIGC."""
        return json.dumps(self.as_dict()["AIGC"], ensure_ascii=False)


def label_of(message: Message) -> str:
    """Return the line that tells a reader who wrote the reply; it stands beside the reply wherever that is shown."""
    return label_for(message.model)


def label_for(model: str) -> str:
    """Return the line for what the given model has written."""
    return OFFLINE_LABEL if model == OFFLINE_MODEL else LABEL


def content_id_of(message: Message) -> str:
    """Return the number under which this service made the reply."""
    return str(message.id)


def labelled_copy(message: Message) -> str:
    """Return the reply's text as it leaves the service: the label and the number go with it."""
    return f"{message.text}\n\n{label_line(label_of(message), content_id_of(message))}"


def label_line(label: str, content_id: str) -> str:
    """Return the line under a text that leaves the service."""
    return f"（{label}；内容编号 {content_id}）"


def implicit_label(content_id: UUID | str) -> ImplicitLabel:
    """Return the metadata of a file, numbered as a message or as an export; its first propagator is its producer."""
    producer = settings.AIGC_PRODUCER_CODE or settings.AIGC_PRODUCER_NAME
    number = str(content_id)
    return ImplicitLabel(producer, number, content_propagator=producer, propagate_id=number)
