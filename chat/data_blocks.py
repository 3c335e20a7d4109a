"""Decides how the words of others stand in a prompt: in blocks whose limits they cannot forge."""

import re
import secrets
from collections.abc import Iterable

# Signs by which models tell the speakers of a conversation apart (ChatML, DeepSeek, Llama): some servers read them
# even inside a message.
_SPEAKER_SIGNS = re.compile(r"<(?=[|｜])|<(?=/?think>)|<(?=</?SYS>>)|\[(?=/?INST\])", re.IGNORECASE)
# Text that only a model reads: zero-width characters, direction marks, tag characters, variation selectors.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e0fff]"
)
_FULL_WIDTH = {"<": "＜", "[": "［"}


class DataBlocks:
    """The blocks of one prompt. Their limits carry a random mark that stands nowhere in the data."""

    def __init__(self, data: Iterable[str]) -> None:
        texts = list(data)
        mark = secrets.token_hex(6)
        while any(mark in text for text in texts):
            mark = secrets.token_hex(6)
        self.mark = mark

    def wrap(self, kind: str, text: str, *, number: int | None = None) -> str:
        """Return the text as a block of its kind: passage, question, summary, persona."""
        numbered = "" if number is None else f" n={number}"
        return f"<{kind}-{self.mark}{numbered}>\n{plain(text)}\n</{kind}-{self.mark}>"


def plain(text: str) -> str:
    """Return the text without what only a model or its server would read."""
    return _SPEAKER_SIGNS.sub(lambda sign: _FULL_WIDTH[sign.group()], _UNSEEN.sub("", text))
