import random
import re

import pytest

from chat.stripping import STRIPPED_ADDRESS, Stripper, is_address
from chat.tests.obedient_model import obey

PARTS = [
    *(
        "<",
        "<a ",
        "<b>",
        "<!--",
        ">",
        "]",
        "](",
        "(",
        ")",
        "[",
        "![",
        "!",
        "！",
        ":",
        "：",
        "//",
        "/",
        "http",
    ),
    *(
        "https://",
        "evil",
        ".",
        "com",
        ".com",
        " ",
        "\n",
        "学",
        "而",
        "。",
        "\u200b",
        "&#",
        "104;",
        "&lt;",
        "*",
        "**",
    ),
    *(
        "javascript:",
        "data:",
        "x",
        "1",
        "[1]",
        "见《论语》",
        "ｈｔｔｐ",
        "．",
        "～",
        "`",
        "|",
        "<<",
        ">>",
        ";",
    ),
]


def stripped(pieces: list[str]) -> str:
    stripper = Stripper()
    return "".join([*(stripper.feed(piece) for piece in pieces), stripper.finish()])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("子曰：「学而」（《论语》[1]）。", "子曰：「学而」（《论语》[1]）。"),
        ("1. **甲**\n- 乙 `丙`\n> 丁\n\n|a|b|\n|-|-|", "1. **甲**\n- 乙 `丙`\n> 丁\n\n|a|b|\n|-|-|"),
        ("e.g. 3.14, i.e. No.1; and/or 12:30 AT&T", "e.g. 3.14, i.e. No.1; and/or 12:30 AT&T"),
        ("见[这里](https://evil.example/x)。", "见[这里]。"),
        ("见[1](见《论语·学而》)", "见[1] (见《论语·学而》)"),
        ("[a](x)(https://evil.example)后", "[a]后"),
        ("[a](/passages/1)", "[a]"),
        ("[a](没有结束", "[a] (没有结束"),
        ("[a]: https://evil.example", f"[a]： {STRIPPED_ADDRESS}"),
        ("![图](a.png)", "！[图]"),
        ("妙哉![1]", "妙哉！[1]"),
        ("学<b>而</b>时", "学而时"),
        ("a<b>c", "a c"),
        ("<script src=x>", ""),
        ("<https://evil.example>", ""),
        ("三<五", "三＜五"),
        ("<<b>script>", "＜script>"),
        ("!<b>[a]<i>(x)", "! [a] (x)"),
        ("https:/<b>/evil.example", STRIPPED_ADDRESS * 2),
        ("**https://evil.example/a,**", f"**{STRIPPED_ADDRESS},**"),
        ("\x00甲\u202e乙\U000e0041丙\ud800", "甲乙丙"),
    ],
)
def test_what_is_shown_of_a_text(text, shown):
    assert stripped([text]) == shown


@pytest.mark.parametrize(
    "word",
    [
        *(
            "https://a.b",
            "HTTP://A.B",
            "ftp://a",
            "//evil.com",
            "www.evil.zz",
            "evil.com",
            "evil.com.cn/x",
            ".com",
        ),
        *(
            "evil.zz/x",
            "a@b.com",
            "javascript:x",
            "data:text/html,x",
            "mailto:a",
            "localhost:80",
            "10.0.0.1/x",
        ),
        *(
            "https&colon;//a",
            "&#104;ttps://a",
            "https\\:\\/\\/a",
            "ht**tp**s://a",
            "https%3A%2F%2Fa",
            "xn--fiqs8s",
        ),
        *("ｅｖｉｌ．ｃｏｍ", "𝐞𝐯𝐢𝐥.𝐜𝐨𝐦"),
    ],
)
def test_an_address_is_known_in_every_form(word):
    assert is_address(word)


@pytest.mark.parametrize(
    "word",
    [
        "e.g.",
        "3.14",
        "1.2.3",
        "U.S.",
        "vs.",
        "and/or",
        "12:30",
        "AT&T",
        "README.md",
        "data:",
        "**",
        "...",
        "a//b",
    ],
)
def test_an_ordinary_word_is_no_address(word):
    assert not is_address(word)


def test_any_split_of_a_text_gives_the_same_output():
    chance = random.Random(11)
    for _ in range(3000):
        text = "".join(chance.choices(PARTS, k=chance.randint(1, 14)))
        cuts = sorted(chance.randint(0, len(text)) for _ in range(4))
        pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]

        assert stripped(pieces) == stripped([text]) == stripped(list(text))


def test_the_output_has_nothing_left_to_strip():
    chance = random.Random(13)
    for _ in range(5000):
        shown = stripped(["".join(chance.choices(PARTS, k=chance.randint(1, 14)))])

        assert stripped([shown]) == shown
        assert not re.search(r"<|!\[|\]\(|\]:|://|javascript:", shown)


def test_a_very_long_address_disappears_to_its_end():
    assert stripped([f"甲https://evil.example/{'a' * 9000} 乙"]) == f"甲{STRIPPED_ADDRESS} 乙"


def test_an_address_cannot_hide_behind_a_very_long_word():
    shown = stripped(["x" * 2044 + "https://evil.example/p"])

    assert "evil" not in shown
    assert "https://" not in shown


@pytest.mark.parametrize("opening", ["<a ", "[a](", "word", "!", "<", "](x)"])
def test_what_is_kept_back_is_bounded(opening):
    stripper = Stripper()
    shown = sum(len(stripper.feed(opening)) for _ in range(3000))

    assert len(stripper.finish()) <= 2100
    assert shown > 0 or opening == "](x)"


def test_chinese_text_is_not_delayed():
    stripper = Stripper()
    text = "子曰：「学而时习之，不亦说乎？」（《论语·学而》\n"

    assert [stripper.feed(character) for character in text] == list(text)


def test_every_way_out_of_the_obedient_model_is_closed():
    shown = stripped([obey("nested-tags", [], "") + obey("image", [], "") + obey("reference", [], "")])

    assert shown.count("[") == 4
    assert "t1ger" not in shown
