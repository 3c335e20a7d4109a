import random
import re
from html.parser import HTMLParser

import pytest

from chat.rendering import render_reply
from guoxue.tests.timing import least_cpu_seconds
from knowledge.quotes import check_quotes

SOURCES = [{"n": 1, "passage_id": 77}]
VOID = {"br", "hr"}


class Balance(HTMLParser):
    """Walks a fragment and fails where an element is closed that is not the innermost open one."""

    def __init__(self, fragment: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text = ""
        self.marked: dict[str, str] = {}
        self.index: str | None = None
        self.feed(fragment)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)
        if tag == "mark":
            self.index = dict(attributes)["data-quote"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        if tag == "mark":
            self.index = None

    def handle_data(self, data):
        self.text += data
        if self.index is not None:
            self.marked[self.index] = self.marked.get(self.index, "") + data


def quote(text: str, quoted: str, verdict: str = "exact", **fields) -> dict[str, object]:
    """A check of the stretch of Markdown that is quoted."""
    start = text.index(quoted)
    known = {"passage_id": 5, "citation": "《论语·为政》", "attribution": "right", **fields}
    return {"start": start, "end": start + len(quoted), "verdict": verdict, **known}


def marked(text: str, *quotes: dict[str, object]) -> dict[str, str]:
    return Balance(render_reply(text, SOURCES, quotes)).marked


def test_citation_marks_become_links_to_our_passages():
    html = render_reply("子曰[1]，又曰[3]。", SOURCES)

    assert html == '<p>子曰<a href="/passages/77">[1]</a>，又曰[3]。</p>\n'


def test_markdown_is_rendered():
    html = render_reply("**仁**\n\n> 克己复礼\n\n- 一\n- 二", [])

    assert "<strong>仁</strong>" in html
    assert "<blockquote>" in html
    assert "<li>一</li>" in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<mark class=x onclick=alert(1)>",
        "![图](https://evil.example/x.png)",
        "![图][a]\n\n[a]: https://evil.example/x.png",
        "[点我](https://evil.example/)",
        "[点我][a]\n\n[a]: https://evil.example/",
        "[点我](javascript:alert(1))",
        "<https://evil.example/>",
        "https://evil.example/ www.evil.example",
        "[点我](/passages/1)",
        "[点我](/passages/1/../../admin/)",
    ],
)
def test_nothing_foreign_comes_through(text):
    html = render_reply(text, SOURCES)

    assert not re.search(r"<(?!/?p>|br>)", html)
    assert "href" not in html


def test_marks_inside_code_stay_as_they_are():
    assert render_reply("`[1]`", SOURCES) == "<p><code>[1]</code></p>\n"


def test_a_quotation_is_marked_with_its_verdict():
    text = "子曰：「学而不思则罔」（《论语·为政》[1]）"

    html = render_reply(text, SOURCES, [quote(text, "学而不思则罔")])

    assert html == (
        '<p>子曰：「<mark class="quote quote-exact" title="原文核对无误：《论语·为政》" '
        'aria-description="原文核对无误：《论语·为政》" data-quote="0" data-attribution="right" data-passage="5">'
        '学而不思则罔</mark>」（《论语·为政》<a href="/passages/77">[1]</a>）</p>\n'
    )


@pytest.mark.parametrize(
    ("check", "css", "told"),
    [
        ({"verdict": "exact"}, "quote-exact", "原文核对无误：《论语·为政》"),
        (
            {"verdict": "exact", "attribution": "wrong"},
            "quote-exact",
            "原文无误，出处有误：实见《论语·为政》",
        ),
        ({"verdict": "near", "differences": [{}, {}]}, "quote-near", "与原文有 2 处不同：《论语·为政》"),
        (
            {"verdict": "near", "attribution": "wrong"},
            "quote-near",
            "与原文相近，出处有误：实见《论语·为政》",
        ),
        ({"verdict": "not_found", "citation": None}, "quote-missing", "典籍库中未见此句"),
        (
            {"verdict": "not_found", "cited": "《淮南子》", "cited_in_corpus": False},
            "quote-missing",
            "无从核对：典籍库未收《淮南子》",
        ),
    ],
)
def test_the_mark_tells_the_verdict(check, css, told):
    html = render_reply("「学而」", [], [quote("「学而」", "学而", **check)])

    assert f'class="quote {css}" title="{told}"' in html


@pytest.mark.parametrize(
    ("text", "quoted", "seen"),
    [
        ("「学而**不思**则罔」", "学而**不思**则罔", "学而不思则罔"),
        ("**「学而*不思*」则**罔", "学而*不思*", "学而不思"),
        ("「学而`不思`则罔」", "学而`不思`则罔", "学而不思则罔"),
        ("> 学而不思\n> 则罔\n\n后", "学而不思\n> 则罔", "学而不思则罔"),
        ("「学而\n\n不思」", "学而\n\n不思", "学而不思"),
        ("1. 一「二1.三」", "二1.三", "二1.三"),
        ("|甲|「学而」|\n|-|-|\n|「学而」|「丙丁」|", "丙丁", "丙丁"),
        ("学而。学而，「学而」", "学而」", "学而」"),
        ("- 学而\n  - 「不思」", "不思", "不思"),
        ("&lt;「a\\*b&amp;」", "a\\*b&amp;", "a*b&"),
    ],
)
def test_a_quotation_is_marked_across_markup(text, quoted, seen):
    assert "".join(marked(text, quote(text, quoted)).values()).replace("\n", "") == seen


def test_the_right_one_of_two_equal_stretches_is_marked():
    text = "学而时习之。他说「学而时习之」。"
    check = {**quote(text, "学而时习之"), "start": 9, "end": 14}

    html = render_reply(text, [], [check])

    assert html.startswith("<p>学而时习之。他说「<mark")
    assert html.count("<mark") == 1


def test_of_two_that_overlap_the_first_is_marked_and_code_blocks_are_left_alone():
    text = "「学而不思则罔」\n\n```\n学而时习之\n```"
    checks = [quote(text, "学而不思"), quote(text, "不思则罔"), quote(text, "学而时习之")]

    assert marked(text, *checks) == {"0": "学而不思"}


def test_a_later_part_of_a_quotation_does_not_tell_the_verdict_again():
    text = "「学而**不思**则罔」"

    html = render_reply(text, [], [quote(text, "学而**不思**则罔")])

    assert html.count("<mark") == 3
    assert html.count("title=") == 1


def test_what_stands_in_a_check_cannot_break_the_html():
    check = quote("「学而」", "学而", citation='"><script>alert(1)</script>', attribution='" onclick="x')

    html = render_reply("「学而」", [], [check])

    assert "<script" not in html
    assert Balance(html).marked == {"0": "学而"}


def test_random_markdown_with_random_quotations_stays_well_formed_and_loses_no_character():
    chance = random.Random(5)
    parts = [
        "学",
        "而",
        "时",
        "*",
        "**",
        "`",
        "\n",
        "\n\n",
        "> ",
        "- ",
        "1. ",
        "|",
        "「",
        "」",
        "[1]",
        "&amp;",
        "\\",
        "# ",
    ]
    for _ in range(1500):
        text = "".join(chance.choices(parts, k=chance.randint(1, 25)))
        spans = [sorted(chance.choices(range(len(text) + 1), k=2)) for _ in range(3)]
        checks = [{"start": start, "end": end, "verdict": "near"} for start, end in spans]

        with_marks = Balance(render_reply(text, SOURCES, checks))

        assert with_marks.text == Balance(render_reply(text, SOURCES)).text


def test_the_checks_of_a_reply_fall_on_what_they_quote(db):
    text = "> 此句前所未闻兮，世人莫之能晓也。\n\n《诗》云：“**前无古人**后无来者，皆妄语也夫。”"

    checks = [vars(check) for check in check_quotes(text)]

    assert checks
    for index, check in enumerate(checks):
        assert marked(text, *checks)[str(index)] == check["quote"].replace("*", "")


HOSTILE = {
    "quotes": lambda n: ">" * n + "a",
    "quoted lines": lambda n: (">" * 30 + "a\n") * (n // 32),
    "lazy lines": lambda n: ">" * 20 + "a\n" + "b\n" * (n // 2),
    "lists": lambda n: "- " * (n // 2) + "a",
    "numbers": lambda n: "1. " * (n // 3) + "a",
    "stars": lambda n: "*" * n + "a**",
    "emphasis": lambda n: "*a_ " * (n // 4),
    "brackets": lambda n: "[" * n,
    "backticks": lambda n: "".join("`" * (i % 200) + "a" for i in range(n // 100)),
    "wide table": lambda n: "|a" * (n // 10) + "|\n" + "|-" * (n // 10) + "|\n" + "|x\n" * (n // 5),
    "long table": lambda n: "a|b\n-|-\n" + "x\n" * (n // 2),
    "rule": lambda n: "- " * (n // 2) + "a" + "|-" * (n // 2),
    "entities": lambda n: "&amp;" * (n // 5),
}


def least_seconds(text: str) -> float:
    return least_cpu_seconds(lambda: render_reply(text, SOURCES))


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_markdown_is_rendered_in_time_and_size_that_grow_with_it(kind):
    small, large = HOSTILE[kind](10_000), HOSTILE[kind](40_000)

    short, long = render_reply(small, SOURCES), render_reply(large, SOURCES)

    # Four times the text: a quadratic renderer needs sixteen times the time.
    assert least_seconds(large) < 10 * max(least_seconds(small), 0.02)
    assert len(short) < 20 * len(small) + 500
    assert len(long) < 20 * len(large) + 500


def test_what_is_no_reply_any_more_is_set_as_plain_paragraphs():
    text = ">" * 30 + "学而[1]\n时习\n\n<b>"

    assert render_reply(text, SOURCES) == (
        f'<p>{"&gt;" * 30}学而<a href="/passages/77">[1]</a><br>\n时习</p>\n<p>&lt;b&gt;</p>\n'
    )
