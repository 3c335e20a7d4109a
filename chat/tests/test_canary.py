import random

import pytest

from chat.canary import CANARY_LETTERS, CanaryWatch, new_canary
from chat.tests.obedient_model import DISGUISES

CANARY = "qhzkwvtjbxfgpydm"


def watched(pieces: list[str]) -> tuple[str, bool]:
    watch = CanaryWatch(CANARY)
    shown = "".join([*(watch.feed(piece) for piece in pieces), watch.finish()])
    return shown, watch.leaked


def test_canaries_are_random_letters():
    canaries = {new_canary() for _ in range(100)}

    assert len(canaries) == 100
    assert {len(canary) for canary in canaries} == {CANARY_LETTERS}
    assert all(canary.isascii() and canary.isalpha() and canary.islower() for canary in canaries)


# Links and tags are taken out before a text is watched.
@pytest.mark.parametrize("disguise", [name for name in DISGUISES if name not in ("links", "tags")])
def test_a_text_is_cut_before_a_canary_in_any_disguise(disguise):
    shown, leaked = watched([f"前文。{DISGUISES[disguise](CANARY)}后文。"])

    assert leaked
    assert shown.startswith("前文。")
    assert "后文" not in shown


def test_half_a_canary_is_enough():
    assert watched([CANARY[4:12]]) == (CANARY[4:7], True)
    assert watched([CANARY[:7]]) == (CANARY[:7], False)


def test_nothing_comes_after_a_leak():
    watch = CanaryWatch(CANARY)
    watch.feed(CANARY)

    assert (watch.feed("后文"), watch.finish()) == ("", "")


def test_ordinary_text_is_never_kept_back():
    watch = CanaryWatch(CANARY)
    text = "《论语·学而》[1]：The Master said, 1978年，ISBN 9787101。qhz "

    assert "".join(watch.feed(character) for character in text) == text


def test_what_was_suspicious_comes_out_when_it_proves_harmless():
    watch = CanaryWatch(CANARY)

    assert watch.feed("qhzkw，") == "qhz"
    assert watch.feed("a") == "kw，a"


def test_what_was_suspicious_at_the_end_comes_out():
    assert watched(["qhzkw"]) == ("qhzkw", False)


def test_any_split_of_a_text_gives_the_same_output():
    chance = random.Random(7)
    parts = [*CANARY, CANARY[:5], CANARY[8:], CANARY[::-1][:6], "，", "学", " ", "1", "x", "ａ", "\n"]
    for _ in range(300):
        text = "".join(chance.choices(parts, k=chance.randint(1, 30)))
        cut = chance.randint(0, len(text))

        assert watched([text[:cut], text[cut:]]) == watched([text]) == watched(list(text))
