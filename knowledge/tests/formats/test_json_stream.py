"""JSON of any size is read value by value: wherever the window ends, nothing is lost and lines are true."""

import io
import json

import pytest

from knowledge.errors import CorpusFileRefused
from knowledge.formats import json_stream
from knowledge.formats.json_stream import JsonStream

VALUES = ["天地", {"a": [1, 2.5e3, -7], "乙": '玄\n黄\\"\u4e00'}, [], {}, True, None, 12345, "", [["x"]]]


@pytest.mark.parametrize("window", range(1, 40))
@pytest.mark.parametrize("indent", [None, 2])
def test_elements_are_whole_wherever_the_window_ends(monkeypatch, window: int, indent: int | None) -> None:
    monkeypatch.setattr(json_stream, "_BLOCK_CHARACTERS", window)
    stream = JsonStream(io.StringIO(json.dumps(VALUES, ensure_ascii=False, indent=indent)))

    elements = [value for _line, value in stream.elements()]

    assert elements == VALUES
    assert stream.peek() == ""


def test_each_element_has_the_line_on_which_it_begins(monkeypatch) -> None:
    monkeypatch.setattr(json_stream, "_BLOCK_CHARACTERS", 5)
    stream = JsonStream(io.StringIO('\n[\n{"a":\n1},\n\n"x", "y"\n,\n[\n]\n]\n'))

    assert [line for line, _value in stream.elements()] == [3, 6, 6, 8]


def test_members_are_taken_one_by_one() -> None:
    stream = JsonStream(io.StringIO('{"甲": 1, "乙": [{"x": 2}], "丙": ["z"]}'))

    found = [(key, stream.opens_objects(), stream.value()) for key in stream.members()]

    assert found == [("甲", False, 1), ("乙", True, [{"x": 2}]), ("丙", False, ["z"])]


@pytest.mark.parametrize("window", [1, 7, 100_000])
@pytest.mark.parametrize(
    ("content", "line"),
    [
        ('[\n"天"', 2),
        ('[\n"天\n"]', 2),
        ('[\n1,\n{"a" 1}]', 3),
        ("[1,\n\n2", 3),
        ("[\n\n\n}", 4),
        ('["\\x"]', 1),
    ],
)
def test_broken_text_is_refused_with_its_line(monkeypatch, window: int, content: str, line: int) -> None:
    monkeypatch.setattr(json_stream, "_BLOCK_CHARACTERS", window)

    with pytest.raises(CorpusFileRefused, match=f"第 {line} 行"):
        list(JsonStream(io.StringIO(content)).elements())


def test_an_early_error_does_not_read_the_rest(monkeypatch) -> None:
    monkeypatch.setattr(json_stream, "_BLOCK_CHARACTERS", 100)
    text = io.StringIO('[{"a" 1}, ' + '"天地玄黄", ' * 10_000 + "0]")

    with pytest.raises(CorpusFileRefused):
        list(JsonStream(text).elements())

    assert text.tell() < 1_000


def test_a_value_beyond_all_measure_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(json_stream, "MAX_VALUE_CHARACTERS", 1_000)
    monkeypatch.setattr(json_stream, "_BLOCK_CHARACTERS", 100)

    with pytest.raises(CorpusFileRefused, match="超过"):
        list(JsonStream(io.StringIO('["' + "道" * 5_000 + '"]')).elements())


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(CorpusFileRefused, match="JSON 有误"):
        list(JsonStream(io.StringIO("[" * 100_000)).elements())
