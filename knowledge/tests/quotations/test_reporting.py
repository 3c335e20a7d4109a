"""What is no quotation is left out, what is one is shown: no false alarm, no silence on a forged line."""

from pathlib import Path

import pytest

from knowledge.models import Passage
from knowledge.quotations.claims import Claim, Tie
from knowledge.quotations.quoted_spans import Quotation
from knowledge.quotations.reporting import Occasion, is_common, shows_near
from knowledge.quotations.wordings import read_wording
from knowledge.quotes import check_quotes
from knowledge.tests.corpus import DAODEJING, LUNYU, POEMS, load

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path) -> None:
    load(tmp_path, LUNYU, DAODEJING, POEMS)


def verdicts(reply: str) -> list[str]:
    return [check.verdict for check in check_quotes(reply)]


@pytest.mark.parametrize(
    ("passages", "occurrences", "common"),
    [
        (1_000, 8, True),
        (1_000, 7, False),
        (377_000, 36, False),
        (377_000, 37, True),
        (5_000_000, 49, False),
        (5_000_000, 50, True),
    ],
)
def test_common_is_measured_by_the_size_of_the_corpus(passages: int, occurrences: int, common: bool) -> None:
    assert is_common(occurrences, passages) is common


@pytest.mark.parametrize(
    ("text", "tie", "edits", "framed", "where_claimed", "shown"),
    [
        ("学而不思则罔，思而不学则殆", Tie.FREE, 3, False, False, True),
        ("学而不思则罔，思而不学则殆", Tie.FREE, 4, False, False, False),
        ("学而不思则罔，思而不学则殆", Tie.FREE, 4, True, False, True),
        ("学而不思则罔，思而不学则殆", Tie.FREE, 4, False, True, True),
        ("床前明月光", Tie.FREE, 1, True, False, True),
        ("床前明月光", Tie.FREE, 1, False, False, False),
        ("床前明月光", Tie.PLACED, 1, False, False, True),
        ("床前明月光", Tie.PLACED, 2, True, False, False),
        ("上善若水", Tie.FREE, 1, True, False, False),
        ("上善若水", Tie.PLACED, 1, True, True, True),
        ("这是我们的", Tie.FREE, 1, True, False, False),
        ("这是我们的", Tie.PLACED, 1, True, False, True),
        ("这是我们的学习生活", Tie.FREE, 1, False, False, True),
        ("这是我们的学习生活", Tie.FREE, 3, True, False, False),
    ],
)
def test_near_is_shown_where_chance_is_ruled_out(
    text: str, tie: Tie, edits: int, framed: bool, where_claimed: bool, shown: bool
) -> None:
    occasion = Occasion(Quotation(0, len(text), text), read_wording(text), Claim(tie))

    assert shows_near(occasion, edits, is_framed=framed, is_where_claimed=where_claimed) is shown


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("他读到“上善若水”。", ["exact"]),
        ("他读到“道可道，非常道”。", ["exact"]),
        ("《道德经》说：“上善如水。”", ["near"]),
        ("他读到“上善如水”。", []),
        ("他读到“床前看月光”。", ["near"]),
        ("他读到“前看月光”。", []),
        ("《静夜思》：“床前看月色”", ["not_found"]),
        ("《静夜思》：“床前看月色，疑是地上霜”", ["near"]),
        ("《道德经》说：“上德如泉。”", ["not_found"]),
        ("老子曰：“上德如泉。”", ["not_found"]),
        ("老子说“上德如泉”", []),
        ("“上德如泉”出自《道德经》。", []),
        ("“大德如泉，取之不竭”出自《道德经》。", ["not_found"]),
        ("他读到“大德如泉而不竭，取之者无穷”。", ["not_found"]),
        ("他读到“源远流长，博大精深”。", []),
        ("《大学》讲“格物、致知、诚意、正心”。", []),
        ("校训是“其德如泉，取之而不竭”。", []),
        ("他读到“传统文化与现代社会的关系”。", []),
        ("《论语》说：“人工智能改变了我们的生活。”", ["not_found"]),
        ("孔子说：“我们要经常复习学过的东西。”", []),
        ("意思是“其德如泉，取之不竭”。", []),
        ("他提出“知行合一”的思想。", []),
        ("> 注意：以上内容仅供参考。", []),
        ("> 君子之德如泉，取之而不竭。", ["not_found"]),
        ("松风吹散半山雪，\n竹影移来一院秋。", []),
        ("王维《竹里》：\n\n松风吹散半山雪，\n竹影移来一院秋。", ["not_found"]),
        ("我为您写一首：\n\n松风吹散半山雪，\n竹影移来一院秋。", []),
        ("孔子曰：君子之德如泉，取之而不竭。", []),
        ("“仁”与“礼”，“仁义礼”", []),
        ("《论语》中的“天下兴亡，匹夫有责”激励了无数人。", ["not_found"]),
        ("《孟子》中的“天下兴亡，匹夫有责”激励了无数人。", []),
        ("《论语》的“三纲领与那八个条目”", []),
        ("《论语》中的“天下兴亡，匹夫有责”的精神", []),
        ("《论语》中的“自己不想要的，不要强加给别人”", []),
        ("《论语》中的“格物致知、诚意正心、治国平天下”", []),
        ("《论语》有“半部论语治天下”之誉。", []),
        ("王弼注《道德经》云：“可道之道，可名之名，指事造形，非其常也。”", []),
        ("译文：孔子说：“立志于道，据守于德，依倚于仁，游习于六艺。”", []),
        ("> 译：孔子说：“立志于道，据守于德，依倚于仁，游习于六艺。”", []),
        ("翻译：“君子明白大义，小人只知道小利。”（《论语·里仁》）", []),
        ("孔子说：“立志于道，据守于德，依倚于仁，游习于六艺。”", ["not_found"]),
        ("| “君子之德如泉，取之而不竭” | 《论语·述而》 |", ["not_found"]),
        ("《论语》：“学而不思则罔。”“君子之德如泉，取之而不竭。”", ["exact", "not_found"]),
    ],
)
def test_verdict_is_shown_where_there_is_a_quotation_to_judge(reply: str, expected: list[str]) -> None:
    assert verdicts(reply) == expected


def test_common_expression_is_shown_only_where_someone_is_said_to_have_said_it(tmp_path: Path) -> None:
    lines = "\n\n".join(f"第{number}家之事，天下之人皆知之。" for number in "一二三四五六七八九")
    load(tmp_path, f"# 杂记\n\n{lines}\n")
    assert Passage.objects.filter(folded__contains="天下之人").count() == 9

    assert verdicts("“天下之人”很多。") == []
    assert verdicts("《杂记》说：“天下之人。”") == ["exact"]
    assert verdicts("“天下之人皆知之”很多。") == []
    assert verdicts("“一家之事，天下之人皆知之”很多。") == ["exact"]
