"""A place is right when it names where the passage stands, wrong only when that is sure."""

from pathlib import Path

import pytest

from knowledge.quotes import QuoteCheck, check_quotes
from knowledge.tests.corpus import DAODEJING, LUNYU, POEMS, load

pytestmark = pytest.mark.django_db

ODES = """---
title: 诗经
aliases: 诗
edition: 选本
---
## 周南

### 关雎

关关雎鸠，在河之洲。窈窕淑女，君子好逑。

## 秦风

### 蒹葭

蒹葭苍苍，白露为霜。所谓伊人，在水一方。
"""
DAXUE = """---
title: 大学
---
## 经一章

大学之道，在明明德，在亲民，在止于至善。

## 传第二章

《诗》曰：“周虽旧邦，其命惟新。”

## 传第三章

为人君，止于仁；为人臣，止于敬。
"""


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path) -> None:
    load(tmp_path, LUNYU, DAODEJING, POEMS, ODES, DAXUE)


def check_one(reply: str) -> QuoteCheck:
    (check,) = check_quotes(reply)
    return check


@pytest.mark.parametrize(
    ("reply", "attribution"),
    [
        ("《论语·为政》说：“学而不思则罔。”", "right"),
        ("《論語·為政篇》說：「學而不思則罔」", "right"),
        ("《语录》里有一句：“学而不思则罔。”", "right"),
        ("“学而不思则罔”（《论语·为政第二》）。", "right"),
        ("《论语》为政篇说：“学而不思则罔。”", "right"),
        ("《论语》第二篇说：“学而不思则罔。”", "right"),
        ("《论语·为政·第十五章》：“学而不思则罔。”", "right"),
        ("《老子·第八章》：“上善若水”", "right"),
        ("《道德经》第8章说：“上善若水”", "right"),
        ("《礼记·大学》：“大学之道，在明明德”", "right"),
        ("《大学·传第三章》：“为人君，止于仁”", "right"),
        ("《诗经·国风·关雎》：“关关雎鸠，在河之洲”", "right"),
        ("《论语》和《孟子》都说：“学而不思则罔。”", "right"),
        ("李白《静夜思》：“床前明月光”", "right"),
        ("“床前明月光”（《静夜思》）", "right"),
        ("孔子曰：“学而不思则罔。”", "right"),
        ("李白写道：“床前明月光”", "right"),
        ("曾子曰：“吾日三省吾身。”", "right"),
        ("“学而不思则罔。”——孔子", "right"),
        ("《论语·学而》说：“学而不思则罔。”", "wrong"),
        ("《道德经》说：“学而不思则罔。”", "wrong"),
        ("《道德经》第九章说：“上善若水”", "wrong"),
        ("《大学·传第二章》：“为人君，止于仁”", "wrong"),
        ("《道德经·一章》：“大学之道，在明明德”", "wrong"),
        ("《道德经·第八章》：“关关雎鸠，在河之洲”", "wrong"),
        ("《登鹳雀楼》：“床前明月光”", "wrong"),
        ("王之涣《静夜思》：“床前明月光”", "wrong"),
        ("《诗经·秦风·蒹葭》：“关关雎鸠，在河之洲”", "wrong"),
        ("《道德经》中孔子说：“学而不思则罔。”", "wrong"),
        ("《道德经》中的“学而不思则罔”", "wrong"),
        ("《论语·学而》的“学而不思则罔”很有名。", "wrong"),
        ("出自《论语·学而》的“学而不思则罔”", "wrong"),
        ("《道德经》中的“上善若水”（第9章）", "wrong"),
        ("《道德经》中的“上善若水”（第8章）", "right"),
        ("《论语》说：“学而不思则罔。”（学而篇）", "wrong"),
        ("《论语》说：“学而不思则罔。”（为政篇）", "right"),
        ("| “学而不思则罔” | 《论语·学而》 |", "wrong"),
        ("| “床前明月光” | 李白《静夜思》 |", "right"),
        ("“白日依山尽”则出自王之涣的《登鹳雀楼》。", "right"),
        ("“白日依山尽”其实也出自《静夜思》。", "wrong"),
        ("《三字经》里“学而不思则罔”原是孔子的话，见《论语》。", "right"),
        ("**原文**：子曰：“学而不思则罔。”", "right"),
        ("李白《静夜思》“床前明月光”——第一境。", "right"),
        ("《静夜思》“床前明月光”（唐诗）", "right"),
    ],
)
def test_place_is_compared_with_where_the_passage_stands(reply: str, attribution: str) -> None:
    check = check_one(reply)

    assert (check.verdict, check.attribution) == ("exact", attribution)


@pytest.mark.parametrize(
    "reply",
    [
        "《孟子》说：“学而不思则罔。”",
        "《论语·孔子语录》说：“学而不思则罔。”",
        "《论语》第一章说：“学而不思则罔。”".replace("第一章", "·八佾"),
        "老子说：“学而不思则罔。”",
        "杜甫写道：“床前明月光”",
        "《诗经》云：“学而不思则罔。”",
        "《道德经》中的“学而不思则罔”的思想",
        "《渭城曲》：“床前明月光”",
        "古人说：“学而不思则罔。”李白写过《静夜思》。",
        "《道德经》讲无为。古人说：“学而不思则罔。”",
    ],
    ids=[
        "a work that the corpus has not",
        "a part that no section is called",
        "a part outside of the title",
        "a speaker of another book",
        "another poet as speaker",
        "a work of which there is only a selection",
        "a book that has a notion",
        "a title that no poem bears",
        "a title of the next sentence",
        "a title of the sentence before",
    ],
)
def test_what_cannot_be_sure_is_unknown_or_right_but_never_wrong(reply: str) -> None:
    check = check_one(reply)

    assert (check.verdict, check.attribution == "wrong") == ("exact", False)


@pytest.mark.parametrize(
    ("reply", "attributions"),
    [
        (
            "“白日依山尽，黄河入海流”出自李白的《静夜思》，“床前明月光，疑是地上霜”出自王之涣的《登鹳雀楼》。",
            ["wrong", "wrong"],
        ),
        (
            "“道可道，非常道”是《道德经》的名句；“上善若水，水善利万物而不争”是《论语》的名句；"
            "“学而时习之，不亦说乎”是《道德经》的开篇。",
            ["right", "wrong", "wrong"],
        ),
        (
            "“白日依山尽，黄河入海流”——第一境；李白《静夜思》“床前明月光，疑是地上霜”——第二境。",
            ["unknown", "right"],
        ),
        ("“上善若水，水善利万物”（道家），《论语》“学而不思则罔”（儒家）", ["unknown", "right"]),
        ("“上善若水，水善利万物”，是《论语》“学而不思则罔”的另一种表达", ["unknown", "right"]),
        ("“温故而知新，可以为师矣”是讲学习，《道德经》“上善若水”是讲处世", ["unknown", "right"]),
        ("《论语·为政》：“学而不思则罔。”“思而不学则殆。”“知之为知之。”", ["right"] * 3),
        ("《道德经》的“上善若水”、“知人者智”、“学而不思则罔”影响深远。", ["right", "right", "wrong"]),
        ("《道德经》的“上善若水”和“知人者智”（第33章）都讲处世。", ["right", "right"]),
        ("《道德经》的“上善若水”和“学而不思则罔”相通。", ["right", "unknown"]),
        ("《论语》中，孔子说“学而不思则罔”，老子说“上善若水”。", ["right", "right"]),
        ("《论语》中，孔子说“学而不思则罔”，又说“上善若水”。", ["right", "wrong"]),
        ("《道德经》说：“上善若水。”“学而不思则罔”则是孔子的话。", ["right", "unknown"]),
    ],
)
def test_title_is_the_source_of_its_own_quotation_alone(reply: str, attributions: list[str]) -> None:
    assert [check.attribution for check in check_quotes(reply)] == attributions


@pytest.mark.parametrize(
    ("reply", "attribution"),
    [
        ("《论语》第一篇说：“学而不思则罔。”", "unknown"),
        ("《论语》第二篇说：“学而不思则罔。”", "right"),
        ("《大学》第二章：“为人君，止于仁”", "unknown"),
        ("《大学》第三章：“为人君，止于仁”", "right"),
        ("《论语·为政》第一章：“学而不思则罔。”", "right"),
        ("孔子在《论语》第一篇说：“学而不思则罔。”", "unknown"),
    ],
)
def test_number_where_sections_have_names_proves_nothing(reply: str, attribution: str) -> None:
    assert check_one(reply).attribution == attribution


@pytest.mark.parametrize(
    ("reply", "attribution"),
    [
        ("孔子说：“学而不思则罔。”", "right"),
        ("曾子说：“吾日三省吾身。”", "right"),
        ("孔子的学生曾子说：“吾日三省吾身。”", "right"),
        ("孔子说：“吾日三省吾身。”", "unknown"),
        ("子曰：“吾日三省吾身。”", "unknown"),
        ("曾子曰：“学而不思则罔。”", "unknown"),
        ("子贡说：“学而不思则罔。”", "unknown"),
        ("孔子对子贡说：“学而不思则罔。”", "right"),
        ("《论语》载曾子曰：“学而不思则罔。”", "right"),
    ],
)
def test_speaker_is_right_only_where_the_passage_names_nobody_else(reply: str, attribution: str) -> None:
    assert check_one(reply).attribution == attribution


@pytest.mark.parametrize(
    "reply",
    [
        "很多人误以为“学而不思则罔”出自《道德经》，其实出自《论语·为政》。",
        "“学而不思则罔”是《道德经》思想的最好注脚。",
        "“学而不思则罔”是孔子对《道德经》的回应。",
        "“学而不思则罔”是《道德经》“无为”说的反面。",
    ],
)
def test_true_quotation_is_not_blamed_for_a_title_that_is_no_source(reply: str) -> None:
    check = check_one(reply)

    assert (check.verdict, check.attribution) == ("exact", "unknown")


@pytest.mark.parametrize(
    ("reply", "cited", "in_corpus"),
    [
        ("《道德经》第一章：“上善若水”", "道德经·第一章", True),
        ("《道德经》中的“上善若水”（第1章）", "道德经·第1章", True),
        ("“学而不思则罔。”（学而篇）", "学而篇", True),
        ("“学而不思则罔。”（学而第一）", "学而第一", True),
        ("“学而不思则罔。”（八佾篇）", "八佾篇", False),
        ("“上善若水”（第七十五章）", "第七十五章", None),
        ("“上善若水”（道家）", None, None),
        ("“上善若水”——第二境。", None, None),
        ("“上善若水”——这是老子的教诲。", None, None),
        ("“上善若水”——老子", "老子", True),
        ("> 学而不思则罔，思而不学则殆。\n\n（译文）学习而不思考……", None, None),
    ],
)
def test_place_is_cited_with_its_chapter_and_only_where_it_is_one(
    reply: str, cited: str | None, in_corpus: bool | None
) -> None:
    check = check_one(reply)

    assert (check.cited, check.cited_in_corpus) == (cited, in_corpus)


def test_passage_that_quotes_the_cited_book_itself_is_not_held_against_the_reply() -> None:
    check = check_one("《诗》云：“周虽旧邦，其命惟新。”")

    assert (check.citation, check.attribution) == ("《大学·传第二章》", "unknown")


def test_passage_that_names_the_cited_book_leaves_the_place_open(tmp_path: Path) -> None:
    load(tmp_path, "# 困学纪闻\n\n《道德经》云：“大音自成，其声希也。”\n\n又云：“大象自成，其形希也。”\n")

    named, unnamed = check_quotes("《道德经》云：“大音自成，其声希也。”《道德经》云：“大象自成，其形希也。”")

    assert (named.attribution, unnamed.attribution) == ("unknown", "wrong")


def test_one_who_speaks_in_the_passage_is_its_speaker(tmp_path: Path) -> None:
    load(tmp_path, "# 困学纪闻\n\n樊迟曰：“大音自成，其声希也。”\n")

    right, unknown = check_quotes("樊迟说：“大音自成，其声希也。”宰我说：“大音自成，其声希也。”")

    assert (right.attribution, unknown.attribution) == ("right", "unknown")


def test_source_that_is_cited_is_found_among_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load(tmp_path, "# 困学纪闻\n\n## 卷一\n\n学而不思则罔。\n")
    monkeypatch.setattr("knowledge.quotations.sources.MAX_SOURCES", 1)

    checks = [check_one(f"《{work}》说：“学而不思则罔。”") for work in ("论语", "困学纪闻")]

    assert [check.attribution for check in checks] == ["right", "right"]


def test_right_place_of_several_is_given(tmp_path: Path) -> None:
    load(tmp_path, "# 困学纪闻\n\n## 卷一\n\n学而不思则罔。\n")

    checks = [check_one(f"《{work}》说：“学而不思则罔。”") for work in ("论语", "困学纪闻")]

    assert [(check.citation, check.attribution) for check in checks] == [
        ("《论语·为政》", "right"),
        ("《困学纪闻·卷一》", "right"),
    ]


def test_place_is_not_called_wrong_while_there_may_be_more_sources_than_were_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("knowledge.quotes.MAX_SOURCES", 1)

    assert check_one("《道德经》说：“学而不思则罔。”").attribution == "unknown"


@pytest.mark.parametrize(("reply", "known"), [("《论语》", True), ("《孟子》", False), ("古人", None)])
def test_reader_learns_whether_the_corpus_has_what_is_cited(reply: str, known: bool | None) -> None:
    check = check_one(f"{reply}说：“君子以勤为舟，以恒为楫，则学海可渡也。”")

    assert (check.verdict, check.cited_in_corpus) == ("not_found", known)
