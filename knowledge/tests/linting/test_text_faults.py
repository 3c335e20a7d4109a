"""What is wrong with a text is found at its place, and what is right is left alone."""

import pytest

from knowledge.linting.lint_rules import RULES
from knowledge.linting.section_numbers import number_of
from knowledge.linting.text_faults import LoneMark, OpenMarks, find_faults, find_garbling, script_of

CLEAN = [
    "子曰：“学而时习之，不亦说乎？有朋自远方来，不亦乐乎？”",
    "子曰：「學而時習之，不亦說乎？」",
    "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。",
    "维天之命，於穆不已！於乎不显！",
    "昔之得一者……是以侯王自谓孤、寡、不穀。自行束脩以上，吾未尝无诲焉。",
    "《诗·小雅》——“鹤鸣于九皋”（节录）。",
    "天后崩，葬于乾陵；余于后里，干戈既征，谷贵，云云。",
    "二〇二四年，一百〇八将。",
    "噫吁嚱，危乎高哉！𤬓𫓧钺，䴔䴖。",
]


@pytest.mark.parametrize("text", CLEAN)
def test_clean_text_has_no_fault(text: str) -> None:
    assert find_faults(text) == []


@pytest.mark.parametrize(
    ("text", "code", "position"),
    [
        ("学而�时习之", "replacement_character", 2),
        ("子曰锟斤拷锟斤拷", "mojibake", 2),
        ("烫烫烫烫", "mojibake", 0),
        ("学而" + "时习之".encode().decode("latin-1"), "mojibake", 2),
        ("学而" + "时习之".encode().decode("cp1252", "ignore"), "mojibake", 2),
        ("学而" + "时习之不亦说乎".encode("gbk").decode("latin-1"), "mojibake", 2),
        ("道德经典".encode().decode("gbk"), "mojibake", 0),
        ("书曰閬撳痉缁忓吀", "mojibake", 2),
        ("子曰：学，时习之。不亦说乎？".encode().decode("gb18030", "replace"), "mojibake", 3),
        ("校尉\ue132官", "private_use", 2),
        ("学而\x0c时习", "control_character", 2),
        ("学而\u200b时习", "zero_width", 2),
        ("夏侯□引军", "missing_character", 2),
        ("闻之（缺三字）曰", "missing_character", 2),
        ("河出【闕】", "missing_character", 2),
        ("砥砺[石+靡]坚", "composed_character", 2),
        ("有⿰車犬在", "composed_character", 1),
        ("立太子｛雨單｝为", "composed_character", 3),
        ("野草蒨qiàn丛", "foreign_letters", 3),
        ("拾翠バ于", "foreign_letters", 2),
        ("道可道[12]", "digits", 4),
        ("道可道①", "digits", 3),
        ("儇，&lt;禾具", "markup", 2),
        ("<strong>家乡肉</strong>", "markup", 0),
        ("道可道**非常道**", "markup", 3),
        ("见https://example.org/a", "markup", 1),
        ("卷一\n## 学而", "markup", 3),
        ("以王俭爲侍中，为相国", "mixed_script", 3),
        ("學習之道，说也，陳也", "mixed_script", 5),
    ],
)
def test_fault_is_found_at_its_place(text: str, code: str, position: int) -> None:
    found = {fault.code: fault.position for fault in find_faults(text)}

    assert found[code] == position


def test_letters_inside_markup_are_no_second_fault() -> None:
    assert [fault.code for fault in find_faults("家乡肉<br/>杭州好")] == ["markup"]


def test_every_fault_has_its_rule() -> None:
    texts = "�\ue132\x0c\u200b□⿰q1<b>爲为烫烫烫"

    assert {fault.code for fault in find_faults(texts)} < set(RULES)


def test_translation_is_held_to_what_can_be_read_at_all() -> None:
    assert find_garbling("他在1958年说：“OK”") == []
    assert [fault.code for fault in find_garbling("他说\ufffd")] == ["replacement_character"]


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("学而时习之", "simplified"),
        ("學而時習之", "traditional"),
        ("不亦乐乎，不穀", "simplified"),
        ("以王俭爲侍中陳", ""),
        ("天后之余", ""),
        ("爲", ""),
    ],
)
def test_script_is_told_where_it_is_sure(text: str, script: str) -> None:
    assert script_of(text) == script


def lone_marks(*texts: str) -> list[tuple[int, int]]:
    marks = OpenMarks()
    found = [mark for number, text in enumerate(texts) for mark in marks.read(number, text)]
    return [(mark.passage_id, mark.position) for mark in (*found, *marks.close())]


@pytest.mark.parametrize(
    "texts",
    [
        ("子曰：“《诗》云：‘如切如磋。’”",),
        ("子曰：“学而时习之。", "“有朋自远方来。”"),
        ("子曰：「學而時習之。", "有朋自遠方來。」"),
        ("曰：“一。\n“二。”",),
        ("it’s",),
    ],
)
def test_marks_that_close_later_in_the_section_are_no_fault(texts: tuple[str, ...]) -> None:
    assert lone_marks(*texts) == []


@pytest.mark.parametrize(
    ("texts", "places"),
    [
        (("子曰：“学而",), [(0, 3)]),
        (("学而”时习",), [(0, 2)]),
        (("曰“学而，曰“时习”",), [(0, 1)]),
        (("《论语", "学而（时习"), [(0, 0), (1, 2)]),
        (("“" * 1000,), [(0, number) for number in range(1000)]),
    ],
)
def test_mark_without_its_counterpart_is_found(texts: tuple[str, ...], places: list[tuple[int, int]]) -> None:
    assert lone_marks(*texts) == places


def test_lone_mark_shows_what_stands_around_it() -> None:
    marks = OpenMarks()

    assert list(marks.read(7, "学而\n时习”之")) == [LoneMark(7, 5, "学而 时习”之")]


@pytest.mark.parametrize(
    ("title", "series", "value"),
    [
        ("第十二章", "第…章", (12, 0)),
        ("第一百零三回 王熙凤", "第…回", (103, 0)),
        ("卷三", "卷…", (3, 0)),
        ("卷十二下", "卷…", (12, 3)),
        ("卷上", "卷", (1, 0)),
        ("12章 尚同(中)", "…章", (12, 0)),
    ],
)
def test_title_tells_its_number(title: str, series: str, value: tuple[int, int]) -> None:
    number = number_of(title)

    assert number is not None
    assert (number.series, number.value) == (series, value)


@pytest.mark.parametrize("title", ["学而", "一剪梅", "九歌", "三国志", "卷耳", "千字文", "学而第一"])
def test_name_is_no_number(title: str) -> None:
    assert number_of(title) is None
