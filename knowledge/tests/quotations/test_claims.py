"""What a reply says about a quotation is read from the words around it: a place, a speaker, or that it is none."""

import pytest

from knowledge.folding import fold_characters
from knowledge.quotations.claims import Claim, Tie, find_claim
from knowledge.quotations.finding import find_quotations

LINE = "学而不思则罔"


def claim_in(reply: str, number: int = 0) -> Claim:
    return find_claim(reply, fold_characters(reply), find_quotations(reply)[number])


@pytest.mark.parametrize(
    ("reply", "cited"),
    [
        ("《论语·为政》说：“学而不思则罔。”", "论语·为政"),
        ("《論語·為政篇》說：「學而不思則罔」", "論語·為政篇"),
        ("《论语》里有一句：“学而不思则罔。”", "论语"),
        ("《论语》“学而不思则罔”一章", "论语"),
        ("在《论语》里，孔子说：“学而不思则罔。”", "论语"),
        ("《论语》第二篇中写道：“学而不思则罔。”", "论语·第二篇"),
        ("《论语》开篇写道：“学而时习之。”", "论语"),
        ("《论语·子罕》篇第二十六章：“三军可夺帅也”", "论语·子罕·第二十六章"),
        ("《论语》：“学而不思则罔。”“思而不学则殆。”", "论语"),
        ("《论语》“学而不思则罔”、“思而不学则殆”", "论语"),
        ("《论语》中的“学而不思则罔”（为政篇）", "论语·为政篇"),
        ("“学而不思则罔”（孔子）——《论语》", "论语"),
        ("“学而不思则罔”出自《论语》“为政”篇。", "论语"),
        ("《论语》是儒家经典，其中说：“学而不思则罔。”", "论语"),
        ("《论语》说：“温故而知新。”又说：“学而不思则罔。”", "论语"),
        ("“学而不思则罔”（《论语·为政第二》）。", "论语·为政第二"),
        ("“学而不思则罔。”——《论语·为政》", "论语·为政"),
        ("“学而不思则罔”出自《论语》。", "论语"),
        ("“学而不思则罔”这句话出自《论语》。", "论语"),
        ("“学而不思则罔”是《论语》中的名句。", "论语"),
        ("《论语·为政》：\n\n> 学而不思则罔\n", "论语·为政"),
        ("> 学而不思则罔\n> ——《论语·为政》\n", "论语·为政"),
        ("> 学而不思则罔\n\n出处：《论语·为政》", "论语·为政"),
        ("《静夜思》\n李白\n床前明月光，\n疑是地上霜。\n", "静夜思"),
        ("《论语》和《孟子》都说：“学而不思则罔。”", "论语、孟子"),
        ("《三字经》里“学而不思则罔”原是孔子的话，见《论语》。", "三字经、论语"),
        ("《中庸》论“致中和”，有“学而不思则罔”一语。", "中庸"),
        ("《诗经》中的《关雎》写道：“关关雎鸠”", "诗经·关雎"),
        ("《论语》〈为政〉云：「學而不思則罔」", "论语·为政"),
    ],
)
def test_place_is_tied_to_the_quotation(reply: str, cited: str) -> None:
    claim = claim_in(reply, -1)

    assert (claim.tie, claim.cited) == (Tie.PLACED, cited)


@pytest.mark.parametrize(
    ("reply", "tie"),
    [
        ("孔子曰：“学而不思则罔。”", Tie.SPOKEN),
        ("古人说“学而不思则罔”", Tie.SPOKEN),
        ("有一句诗：“床前明月光”", Tie.SPOKEN),
        ("“学而不思则罔。”——孔子", Tie.SPOKEN),
        ("《论语》中的“学而不思则罔”", Tie.HELD),
        ("《论语》的“学而不思则罔”", Tie.HELD),
        ("《论语》里著名的“学而不思则罔”", Tie.HELD),
        ("《论语》一书中“学而不思则罔”", Tie.HELD),
        ("王弼注《道德经》曰：“道可道，非常道。”", Tie.GLOSSED),
        ("译文：孔子说：“学习而不思考就会迷惑。”", Tie.GLOSSED),
        ("> **译文**：孔子说：“学习而不思考就会迷惑。”", Tie.GLOSSED),
        ("【今译】“学习而不思考就会迷惑。”（《论语·为政》）", Tie.GLOSSED),
        ("译文：\n孔子说：“学习而不思考就会迷惑。”", Tie.GLOSSED),
        ("译文略。\n孔子说：“学而不思则罔。”", Tie.SPOKEN),
        ("很多人误以为“学而不思则罔”出自《道德经》。", Tie.GLOSSED),
        ("受《道德经》影响，孔子说：“学而不思则罔。”", Tie.MENTIONED),
        ("他读到“学而不思则罔”。", Tie.FREE),
        ("类似的有《中庸》的“致中和”，以及朱熹的“学而不思则罔”。", Tie.FREE),
        ("校训是“学而不思则罔”。", Tie.GLOSSED),
        ("我试着写一首《秋夜》：“月照寒江千顷碧，霜飞古渡一舟轻”", Tie.GLOSSED),
        ("所谓“学而不思则罔”", Tie.GLOSSED),
        ("老师说：“你今天读了几页书？”", Tie.FREE),
        ("《道德经》讲无为。他读到“学而不思则罔。”", Tie.FREE),
        ("意思是“学习而不思考就会迷惑”。", Tie.GLOSSED),
        ("《论语》强调“学而不思则罔”。", Tie.GLOSSED),
        ("他被尊称为“万世师表”。", Tie.GLOSSED),
        ("俗话说：“只要功夫深，铁杵磨成针。”", Tie.GLOSSED),
        ("我为您写一首诗：“月照寒江千顷碧”", Tie.GLOSSED),
    ],
)
def test_looser_words_tie_less(reply: str, tie: Tie) -> None:
    assert claim_in(reply).tie is tie


def test_speaker_is_the_clause_that_leads_to_the_quotation() -> None:
    assert claim_in("很久以前，孔子曾经說：「學而不思則罔」").speaker == "孔子曾经说"


@pytest.mark.parametrize(
    ("reply", "firm"),
    [
        ("孔子曰“学而不思则罔”", True),
        ("孔子说：“学而不思则罔”", True),
        ("“学而不思则罔”（《论语》）", True),
        ("孔子说“学而不思则罔”", False),
        ("“学而不思则罔”出自《论语》", False),
    ],
)
def test_firm_is_what_leaves_no_doubt(reply: str, firm: bool) -> None:
    assert claim_in(reply).is_firm is firm


@pytest.mark.parametrize(
    ("behind", "notion"),
    [
        ("的思想", True),
        ("之誉", True),
        ("的美誉", True),
        ("这一概念", True),
        ("之说", True),
        ("。", False),
        ("这句话", False),
    ],
)
def test_notion_is_known_by_what_follows(behind: str, notion: bool) -> None:
    assert claim_in(f"他提出“知行合一”{behind}").is_notion is notion


def test_author_and_chapter_around_a_title_are_kept() -> None:
    (place,) = claim_in("唐代李白《静夜思》：“床前明月光”").places
    (chapter,) = claim_in("《道德经》第八章说：“上善若水”").places
    (other,) = claim_in("《道德经》最后一章说：“信言不美”").places

    assert (place.parts, place.author) == (("静夜思",), "唐代李白")
    assert (chapter.parts, chapter.within) == (("道德经",), "第八章")
    assert other.within == ""


@pytest.mark.parametrize(
    ("distance", "title"),
    [(0, "论语"), (200, "论语"), (400, None)],
)
def test_source_is_sought_near_the_quotation(distance: int, title: str | None) -> None:
    before = f"《论语》{'，' * distance}“{LINE}”"
    after = f"“{LINE}”{'，' * distance}《论语》"

    assert claim_in(before).cited == title
    assert claim_in(after).cited == title
