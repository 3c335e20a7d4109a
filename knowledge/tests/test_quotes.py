"""Every quotation of a reply is exact, near or not found, and stands where the reply says or does not."""

from pathlib import Path

import pytest

from knowledge.quotations import find_quotations
from knowledge.quotes import Difference, QuoteCheck, check_quotes
from knowledge.tests.corpus import DAODEJING, LUNYU, POEMS, load

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_corpus(tmp_path: Path) -> None:
    load(tmp_path, LUNYU, DAODEJING, POEMS)


def check_one(reply: str) -> QuoteCheck:
    checks = check_quotes(reply)
    assert len(checks) == 1
    return checks[0]


@pytest.mark.parametrize(
    "quote",
    [
        "“学而不思则罔，思而不学则殆。”",
        "「學而不思則罔，思而不學則殆」",
        "『学而不思则罔 思而不学则殆』",
        "“学而不思则罔思而不学则殆”",
        "“子曰：‘学而不思则罔，思而不学则殆。’”",
        "“学而不思则罔……思而不学则殆”",
        "‘思而不学’",
        "\n> 子曰：“学而不思则罔，思而不学则殆。”\n> ——《论语》\n",
        "\n> 学而不思则罔，\n> 思而不学则殆。\n",
    ],
)
def test_true_quotation_is_exact_whatever_its_script_and_punctuation(quote: str) -> None:
    check = check_one(f"古人说：{quote}")

    assert (check.verdict, check.citation) == ("exact", "《论语·为政》")
    assert check.differences == ()


def test_quotation_may_run_over_passages_that_follow_each_other() -> None:
    check = check_one("「温故而知新，可以为师矣。子曰：学而不思则罔，思而不学则殆。」")

    assert (check.verdict, check.source_text) == ("exact", "子曰：“温故而知新，可以为师矣。”")


def test_passages_in_another_order_are_no_quotation() -> None:
    check = check_one("“思而不学则殆，学而不思则罔，温故而知新。”")

    assert check.verdict != "exact"


@pytest.mark.parametrize(
    ("quote", "differences"),
    [
        ("学而不思则惘，思而不学则殆", (Difference("惘", "罔"),)),
        ("学而思则罔，思而不学则殆", (Difference("", "不"),)),
        ("学而不思则罔也，思而不学则殆", (Difference("也", ""),)),
        ("床前看月光，疑是地上霜", (Difference("看", "明"),)),
    ],
)
def test_altered_quotation_is_near_and_shows_what_differs(
    quote: str, differences: tuple[Difference, ...]
) -> None:
    check = check_one(f"“{quote}”")

    assert (check.verdict, check.differences) == ("near", differences)
    assert 0.75 <= check.similarity < 1


@pytest.mark.parametrize(
    "quote", ["人工智能改变了我们的生活", "不积跬步无以至千里", "学而时习之知者不惑自强不息"]
)
def test_invented_quotation_is_not_found(quote: str) -> None:
    check = check_one(f"《论语》说：“{quote}。”")

    assert (check.verdict, check.passage_id, check.citation) == ("not_found", None, None)
    assert check.attribution == "unknown"


@pytest.mark.parametrize(
    ("reply", "attribution"),
    [
        ("《论语·为政》说：“学而不思则罔。”", "right"),
        ("《論語·為政篇》說：「學而不思則罔」", "right"),
        ("《论语》里有一句：“学而不思则罔。”", "right"),
        ("《语录》里有一句：“学而不思则罔。”", "right"),
        ("“学而不思则罔”（《论语·为政第二》）。", "right"),
        ("“学而不思则罔。”——《论语·为政》", "right"),
        ("“学而不思则罔”出自《论语》。", "right"),
        ("《论语·为政》：\n\n> 学而不思则罔\n", "right"),
        ("> 学而不思则罔\n> ——《论语·为政》\n", "right"),
        ("李白《静夜思》：“床前明月光”", "right"),
        ("《老子·第八章》：“上善若水”", "right"),
        ("《论语·学而》说：“学而不思则罔。”", "wrong"),
        ("《道德经》说：“学而不思则罔。”", "wrong"),
        ("“学而不思则罔”（《道德经》）。《论语》又说别的。", "wrong"),
        ("《孟子》说：“学而不思则罔。”", "unknown"),
        ("古人说：“学而不思则罔。”李白写过《静夜思》。", "unknown"),
        ("《道德经》讲无为。古人说：“学而不思则罔。”", "unknown"),
    ],
)
def test_place_that_the_reply_gives_is_judged(reply: str, attribution: str) -> None:
    check = check_one(reply)

    assert (check.verdict, check.attribution) == ("exact", attribution)


def test_each_quotation_is_judged_by_its_own_source() -> None:
    reply = "《论语》说“学而不思则罔”，《道德经》说“上善若水”，又引“床前明月光”（《静夜思》）。"

    checks = check_quotes(reply)

    assert [(check.quote, check.cited, check.attribution) for check in checks] == [
        ("学而不思则罔", "论语", "right"),
        ("上善若水", "道德经", "right"),
        ("床前明月光", "静夜思", "right"),
    ]
    assert all(reply[check.start : check.end] == check.quote for check in checks)


def test_quotation_inside_a_modern_one_is_judged_for_itself() -> None:
    check = check_one("老师说：“孔子讲过‘学而不思则罔’，这句话你们要记住。”")

    assert (check.quote, check.verdict) == ("学而不思则罔", "exact")


def test_passage_of_the_cited_work_is_preferred(tmp_path: Path) -> None:
    load(tmp_path, "# 困学纪闻\n\n## 卷一\n\n学而不思则罔。\n")

    check = check_one("《论语》说：“学而不思则罔。”")

    assert (check.citation, check.attribution) == ("《论语·为政》", "right")


@pytest.mark.parametrize(
    "reply",
    ["", "没有引文。", "“仁”与“礼”", "“没有结束的引号", "》」”’『", "> \n>\n", "“" * 500, "「」" * 500],
)
def test_reply_without_quotations_has_nothing_to_check(reply: str) -> None:
    assert check_quotes(reply) == []


def test_quotation_within_hundreds_of_marks_is_checked() -> None:
    check = check_one("「" * 600 + "学而不思则罔" + "」" * 600)

    assert (check.verdict, check.citation) == ("exact", "《论语·为政》")


def test_quotation_longer_than_any_passage_is_not_laid_along_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("knowledge.quotes.SequenceMatcher", lambda *_: pytest.fail("compared"))

    check = check_one(f"“{'子曰学而不思则罔' * 2_500}”")

    assert (check.verdict, check.passage_id) == ("not_found", None)


def test_quotation_that_begins_like_a_passage_and_goes_on_otherwise_is_not_exact(tmp_path: Path) -> None:
    passage = "".join(chr(0x4E00 + number) for number in range(100))
    load(tmp_path, f"# 长文\n\n{passage}\n")

    verdicts = [check_one(f"“{quote}”").verdict for quote in (passage, passage[:90] + "学而不思则罔")]

    assert verdicts == ["exact", "near"]


def test_block_quote_has_a_quotation_in_every_paragraph() -> None:
    reply = "> 床前明月光，疑是地上霜。\n> 举头望明月，低头思故乡。\n>\n> 白日依山尽，黄河入海流。\n\n后文"

    quotations = find_quotations(reply)

    assert [quotation.text for quotation in quotations] == [
        "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。",
        "白日依山尽，黄河入海流。",
    ]
    assert [check.verdict for check in check_quotes(reply)] == ["exact", "exact"]


def test_whole_reply_is_checked_in_a_few_round_trips(django_assert_max_num_queries) -> None:
    reply = "“学而不思则罔”，“上善若水水善利万物而不争”，“床前看月光疑是地上霜”，“全是编造出来的句子”" * 10

    with django_assert_max_num_queries(12):
        checks = check_quotes(reply)

    assert len(checks) == 40
