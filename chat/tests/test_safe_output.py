import random

import pytest

from chat.safe_output import SafeOutput, safe_output
from chat.stripping import STRIPPED_ADDRESS
from chat.tests.obedient_model import DISGUISES
from guoxue.tests.scripted_model import ANSWER
from guoxue.tests.timing import least_cpu_seconds

CANARY = "qhzkwvtjbxfgpydm"


def test_an_honest_reply_comes_out_as_it_is():
    output = SafeOutput(CANARY)

    shown = [output.feed(ANSWER), output.finish()]

    assert "".join(shown) == ANSWER
    assert not output.leaked


@pytest.mark.parametrize("disguise", DISGUISES)
def test_the_output_ends_before_a_leak_and_says_so(disguise):
    output = SafeOutput(CANARY)

    shown = output.feed(f"前文。{DISGUISES[disguise](CANARY)} 后文。") + output.finish()

    assert output.leaked
    assert shown.startswith("前文。")
    assert "后文" not in shown


def test_what_is_left_out_cannot_hide_a_canary():
    between = ["<b>", "\u200b", "](/passages/1)[", "<!-- x -->"]
    text = "".join(letter + between[index % len(between)] for index, letter in enumerate(CANARY))

    output = SafeOutput(CANARY)
    output.feed(text)

    assert output.leaked


def test_a_canary_in_an_address_goes_with_the_address():
    assert safe_output(f"见https://evil.example/?q={CANARY}。", CANARY) == f"见{STRIPPED_ADDRESS}。"


def test_any_split_of_a_text_gives_the_same_output():
    chance = random.Random(3)
    parts = [
        *"学而，。[]()<>!*:/ ",
        "https://a.b/c",
        "<b>",
        "](x)",
        "![",
        CANARY[:6],
        CANARY[6:],
        "a",
        "\n",
        "１",
    ]
    for _ in range(300):
        text = "".join(chance.choices(parts, k=chance.randint(1, 20)))
        cuts = sorted(chance.randint(0, len(text)) for _ in range(4))
        output = SafeOutput(CANARY)

        deltas = [output.feed(text[at:to]) for at, to in zip([0, *cuts], [*cuts, len(text)], strict=True)]

        assert "".join([*deltas, output.finish()]) == safe_output(text, CANARY)


def write(text: str) -> None:
    output = SafeOutput(CANARY)
    for character in text:
        output.feed(character)
    output.finish()


@pytest.mark.parametrize(
    "unit", ["a", "<a ", "[a](", "](x)", "!", "<", "//a", "a.", "&#", "qhzkwvt", "学", "*", "1 "]
)
def test_the_time_grows_with_the_text_however_hostile(unit):
    short, long = (least_cpu_seconds(lambda size=size: write(unit * size)) for size in (2000, 8000))

    # Four times the text: a quadratic filter needs sixteen times the time.
    assert long < 10 * max(short, 0.01)
