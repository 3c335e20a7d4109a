"""Decides how a JSON document of any size is read: value by value over a window of the text, with its lines."""

import json
import re
from collections.abc import Iterator
from typing import Any, TextIO

from knowledge.errors import CorpusFileRefused

MAX_VALUE_CHARACTERS = 64_000_000
_BLOCK_CHARACTERS = 1 << 18
_DECODER = json.JSONDecoder()
_SPACE = re.compile(r"[ \t\n\r]*")
_LIST_START = re.compile(r"\[[ \t\n\r]*([^ \t\n\r])")
# An error further from the end of the window than this does not come from the window's end.
_MARGIN = 32


class JsonStream:
    """Reads a JSON text from its beginning; ``line`` is where the next value stands, from 1.

    Every method raises ``CorpusFileRefused`` with the line for what is no JSON.
    """

    def __init__(self, text: TextIO) -> None:
        self._text = text
        self._window = ""
        self._position = self._counted = 0
        self._line = 1
        self._ended = False

    @property
    def line(self) -> int:
        """The line of the next value."""
        self.peek()
        self._line += self._window.count("\n", self._counted, self._position)
        self._counted = self._position
        return self._line

    def peek(self) -> str:
        """Return the next character that is no space, or "" at the end."""
        while True:
            match = _SPACE.match(self._window, self._position)
            self._position = match.end() if match else self._position
            if self._position < len(self._window):
                return self._window[self._position]
            if not self._read_on():
                return ""

    def take(self, character: str) -> bool:
        """Step over the character if it comes next; tell whether it did."""
        if self.peek() != character:
            return False
        self._position += 1
        return True

    def opens_objects(self) -> bool:
        """Tell whether a list comes next whose first element is an object."""
        if self.peek() != "[":
            return False
        while not (match := _LIST_START.match(self._window, self._position)):
            if not self._read_on():
                return False
        return match[1] == "{"

    def value(self) -> Any:
        """Decode the next value whole."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._window, self._position)
            except json.JSONDecodeError as error:
                refusal = self.broken("此处不合语法", error.pos)
                if self._is_final(error) or not self._read_on():
                    raise refusal from error
            except (ValueError, RecursionError) as error:
                raise self.broken("嵌套太深或数值无效") from error
            else:
                # A number at the end of the window may have more digits behind it.
                if end < len(self._window) or not self._read_on():
                    self._position = end
                    return value

    def elements(self) -> Iterator[tuple[int, Any]]:
        """Yield the elements of the list that comes next, each with the line on which it begins."""
        if not self.take("["):
            raise self.broken("应为列表")
        if self.take("]"):
            return
        while True:
            line = self.line
            yield line, self.value()
            if self.take("]"):
                return
            if not self.take(","):
                raise self.broken("缺少逗号或结尾的“]”")

    def members(self) -> Iterator[str]:
        """Yield the keys of the object that comes next; whoever asks takes the value before the next key."""
        if not self.take("{"):
            raise self.broken("应为对象列表，或含有 passages 列表的对象")
        if self.take("}"):
            return
        while True:
            if self.peek() != '"':
                raise self.broken("应为名称")
            key = self.value()
            if not self.take(":"):
                raise self.broken("缺少冒号")
            yield key
            if self.take("}"):
                return
            if not self.take(","):
                raise self.broken("缺少逗号或结尾的“}”")

    def broken(self, reason: str, position: int | None = None) -> CorpusFileRefused:
        """Return the refusal of the file, with the line at which it is broken."""
        at = self._position if position is None else position
        line = self._line + self._window.count("\n", self._counted, at)
        return CorpusFileRefused(f"JSON 有误：第 {line} 行，{reason}。请修正后重新导入。")

    def _is_final(self, error: json.JSONDecodeError) -> bool:
        # A string without its end is reported where it begins.
        is_open = error.msg.startswith("Unterminated string")
        return not is_open and error.pos < len(self._window) - _MARGIN

    def _read_on(self) -> bool:
        """Widen the window, at least by as much as is left in it; tell whether there was more."""
        if self._ended:
            return False
        self._line += self._window.count("\n", self._counted, self._position)
        left = self._window[self._position :]
        if len(left) > MAX_VALUE_CHARACTERS:
            raise self.broken(f"一个值超过 {MAX_VALUE_CHARACTERS} 字")
        more = self._text.read(max(_BLOCK_CHARACTERS, len(left)))
        self._window, self._position, self._counted = left + more, 0, 0
        self._ended = not more
        return bool(more)
