"""Every quotation of a reply is exact, near or not found, and stands where the reply says or does not."""

from pathlib import Path

import pytest

from knowledge.quotations.alignment import Difference
from knowledge.quotes import QuoteCheck, check_quotes
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


@pytest.mark.parametrize("quote", ["为师矣子曰学而", "思则殆……子曰知"])
def test_short_expression_over_the_end_of_a_passage_stands_there_by_chance(quote: str) -> None:
    assert [check for check in check_quotes(f"“{quote}”") if check.verdict == "exact"] == []


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
    monkeypatch.setattr("knowledge.quotations.sources.align", lambda *_, **__: pytest.fail("compared"))

    check = check_one(f"“{'子曰学而不思则罔' * 2_500}”")

    assert (check.verdict, check.passage_id) == ("not_found", None)


def test_quotation_that_begins_like_a_passage_and_goes_on_otherwise_is_not_exact(tmp_path: Path) -> None:
    passage = "".join(chr(0x4E00 + number) for number in range(100))
    load(tmp_path, f"# 长文\n\n{passage}\n")

    verdicts = [check_one(f"“{quote}”").verdict for quote in (passage, passage[:90] + "学而不思则罔")]

    assert verdicts == ["exact", "near"]


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (
            "“学而时习之，不亦说乎？温故而知新，可以为师矣。”",
            [("学而时习之，不亦说乎？", "exact"), ("温故而知新，可以为师矣。", "exact")],
        ),
        (
            "《论语》说：“学而时习之，不亦说乎？学如登山，一步一阶。”",
            [("学而时习之，不亦说乎？", "exact"), ("学如登山，一步一阶。", "not_found")],
        ),
        (
            "“君子以仁为本，以义为路。学而时习之。”",
            [("君子以仁为本，以义为路。", "not_found"), ("学而时习之。", "exact")],
        ),
        (
            "“学而时习之……上善若水”",
            [("学而时习之", "exact"), ("上善若水", "exact")],
        ),
        (
            "> 床前明月光，疑是地上霜。\n> 松风吹散半山雪，竹影移来一院秋。\n",
            [("床前明月光，疑是地上霜。", "exact"), ("松风吹散半山雪，竹影移来一院秋。", "not_found")],
        ),
        ("“老师问：‘学而不思则罔’是什么意思？”", [("学而不思则罔", "exact")]),
        ("“孔子曰：学而不思则罔，思而不学则殆。”", [("学而不思则罔，思而不学则殆。", "exact")]),
    ],
)
def test_quotation_that_is_not_one_is_judged_by_its_pieces(
    reply: str, expected: list[tuple[str, str]]
) -> None:
    checks = check_quotes(reply)

    assert [(check.quote, check.verdict) for check in checks] == expected
    assert all(reply[check.start : check.end] == check.quote for check in checks)


@pytest.mark.parametrize(
    ("quote", "differences"),
    [
        ("学而时习之，不亦说乎？不亦乐乎？", (Difference("", "有朋自远方来"),)),
        ("知之为知之，是知也", (Difference("", "不知为不知"),)),
        ("床前明月光，低头思故乡", (Difference("", "疑是地上霜举头望明月"),)),
    ],
)
def test_clause_left_out_without_a_sign_is_a_difference(
    quote: str, differences: tuple[Difference, ...]
) -> None:
    check = check_one(f"“{quote}”")

    assert (check.verdict, check.differences) == ("near", differences)


def test_word_that_explains_a_negation_is_a_remark(tmp_path: Path) -> None:
    load(tmp_path, "# 论语别本\n\n## 雍也\n\n今也则亡，未闻好学者也。\n")

    assert check_one("“今也则亡（无），未闻好学者也。”").verdict == "exact"


@pytest.mark.parametrize(
    ("quote", "differences"),
    [
        ("思而不学则殆，学而不思则罔", (Difference("", "学而不思则罔"), Difference("学而不思则罔", ""))),
        (
            "举头望明月，床前明月光，疑是地上霜",
            (Difference("举头望明月", ""), Difference("", "举头望明月")),
        ),
    ],
)
def test_clause_that_was_moved_is_shown_as_a_whole(quote: str, differences: tuple[Difference, ...]) -> None:
    check = check_one(f"“{quote}”")

    assert (check.verdict, check.differences) == ("near", differences)


@pytest.mark.parametrize(
    ("quote", "verdict"),
    [
        ("蠟炬成灰淚始乾", "exact"),
        ("春蠶到死絲方盡，蠟炬成灰淚始乾。", "exact"),
        ("蠟炬成灰淚始見", "near"),
        ("折戟沈沙鐵未銷", "exact"),
        ("干坤日夜浮，凭轩涕泗流", "exact"),
    ],
)
def test_character_that_editions_write_otherwise_is_no_difference(
    tmp_path: Path, quote: str, verdict: str
) -> None:
    load(
        tmp_path, "# 诗\n\n春蚕到死丝方尽，蜡炬成灰泪始干。\n\n折戟沉沙铁未销。\n\n乾坤日夜浮，凭轩涕泗流。\n"
    )

    check = check_one(f"有诗云：“{quote}”")

    assert (check.verdict, bool(check.differences)) == (verdict, verdict == "near")


@pytest.mark.parametrize(
    "quote",
    [
        "思而不学则殆。学而不思则罔。",
        "学而不思则罔。思而不殆。",
        "子贡曰：“学而不思则罔，思而不学则殆。”",
        "学而不思……不亦悲",
        "学而（不亦忧乎）时习之",
        "学而（不）时习之",
        "学而（要）时习之，不亦说乎",
        "知之为知之，不（要）知为不知",
        "学而不思则罔□思而学则殆",
    ],
)
def test_no_piece_makes_an_altered_quotation_exact(quote: str) -> None:
    checks = check_quotes(f"《论语》说：「{quote}」")

    assert {check.verdict for check in checks} != {"exact"}


@pytest.mark.parametrize(
    "quote",
    [
        "学而时习之，不亦说（yuè）乎",
        "学而时习之，不亦说（音悦）乎",
        "学而时习之，不亦说（悦）乎",
        "学而时习之[1]，不亦说乎①",
        "学而**时习**之，_不亦说乎_",
        "学 而 时 习 之\n不 亦 说 乎",
        "學而時習之，不亦說乎",
        "学而时习之…不亦说乎",
        "学而时习之……有朋自远方来",
        "……学而时习之，不亦说乎……",
        "学而时习之（学习并时常温习），不亦说乎（不也很高兴吗）",
        "学而时习之，不亦说（同“悦”）乎",
    ],
)
def test_signs_within_a_true_quotation_raise_no_alarm(quote: str) -> None:
    check = check_one(f"《论语》说：“{quote}”")

    assert (check.verdict, check.citation, check.attribution) == ("exact", "《论语·学而》", "right")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        ("《论语》说：“学而不思则罔。”", "marks"),
        ("> 学而不思则罔，思而不学则殆。", "block"),
        ("《静夜思》：\n\n床前明月光，\n疑是地上霜。", "verse"),
        ("如下：\n\n学而不思则罔，思而不学则殆。", "line"),
        ("孔子曰：学而不思则罔，思而不学则殆。", "sentence"),
        ("正如《论语》所言，学而不思则惘，思而不学则殆。", "sentence"),
    ],
)
def test_check_tells_how_the_quotation_is_set(reply: str, kind: str) -> None:
    assert check_one(reply).kind == kind


def test_whole_reply_is_checked_in_a_few_round_trips(django_assert_max_num_queries) -> None:
    true = "“学而不思则罔”，“上善若水水善利万物而不争”，“床前明月光，疑是地上霜”。" * 10
    mixed = "“学而不思则罔”，“床前看月光疑是地上霜”，“其德如泉，取之不竭”，“温故而知新。其德如泉。”" * 10
    check_quotes(true)

    with django_assert_max_num_queries(6):
        exact = check_quotes(true)
    with django_assert_max_num_queries(14):
        checks = check_quotes(mixed)

    assert len(exact) == 30
    assert len(checks) == 50


def test_reply_without_quotations_asks_the_database_nothing(django_assert_num_queries) -> None:
    with django_assert_num_queries(0):
        assert check_quotes("孔子说：我们应该经常复习。") == []
