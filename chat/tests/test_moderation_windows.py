import random

import pytest

from chat.moderation.judging import PASSED, Direction, Judgement, Verdict
from chat.moderation.windows import (
    OVERLAP_CHARACTERS,
    WINDOW_CHARACTERS,
    OutputWindows,
    split_windows,
)
from chat.moderation.words import Word, WordList

WORDS = WordList([Word("出售冰毒"), Word("av"), Word("如何自杀", is_blocking=False)])
PLAIN = "子曰：「学而时习之，不亦说乎？」"


class Remote:
    name = "remote"

    def __init__(self) -> None:
        self.seen: list[str] = []

    def judge(self, text: str, direction: Direction) -> Judgement:
        self.seen.append(text)
        return Judgement(Verdict.RISKY, "remote") if "坏" in text else PASSED


def fed(text: str, size: int, words: WordList = WORDS) -> list[tuple[int, str]]:
    """Feed the text in deltas; return where each judgement came, and its label."""
    windows = OutputWindows(words)
    judgements = []
    for start in range(0, len(text), size):
        judgement = windows.feed(text[start : start + size])
        if judgement is not None:
            judgements.append((start + size, judgement.label))
    return judgements


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 100])
def test_a_word_is_found_with_its_last_character_whatever_the_deltas_cut_it_into(size):
    text = PLAIN * 3 + "他出，售 冰\n毒给人"
    end = text.index("毒") + 1

    judgements = fed(text, size)

    assert judgements[0] == (-(-end // size) * size, "出售冰毒")


def test_plain_text_is_no_judgement():
    assert fed(PLAIN * 200, 4) == []


def test_random_deltas_never_lose_a_word():
    chance = random.Random(4)
    for _ in range(200):
        gaps = [chance.choice(["", " ", "。", "、", "😀😀", "\u200b", "……"]) for _ in range(3)]
        word = "出" + "".join(gap + character for gap, character in zip(gaps, "售冰毒", strict=True))
        text = PLAIN * chance.randrange(8) + word + PLAIN * chance.randrange(3)
        windows, start, caught = OutputWindows(WORDS), 0, False
        while start < len(text):
            size = chance.randrange(1, 30)
            judgement = windows.feed(text[start : start + size])
            caught = caught or (judgement is not None and judgement.blocks)
            start += size
        assert caught, text


def test_a_flagged_word_is_told_once():
    assert fed("如何自杀？如何自杀？" + PLAIN, 2) == [(4, "如何自杀")]


def test_a_latin_word_is_not_taken_for_one_before_it_has_ended():
    assert fed("java have avoid aver", 1) == []
    assert fed("看 av 吗", 1) == [(5, "av")]
    windows = OutputWindows(WORDS)
    assert windows.feed("看av") is None
    assert windows.finish().label == "av"


def test_a_word_stretched_out_without_end_is_found_when_the_reply_ends():
    windows = OutputWindows(WORDS)
    deltas = ["出", *["\u200b" * 40] * 50, "售冰毒"]

    assert [windows.feed(delta) for delta in deltas] == [None] * 52
    assert windows.finish().blocks


def test_the_remote_moderators_see_whole_sentences_with_overlap_and_every_character():
    remote = Remote()
    windows = OutputWindows(WORDS, (remote,))
    text = "".join(f"第{number}句话在这里说完了。" for number in range(120))
    for start in range(0, len(text), 7):
        windows.feed(text[start : start + 7])
        while window := windows.due():
            windows.judge_remotely(window)
    windows.judge_remotely(windows.due(is_last=True))

    first, second = remote.seen[:2]
    assert len(remote.seen) == -(-len(text) // WINDOW_CHARACTERS)
    assert all(window.endswith("。") for window in remote.seen)
    assert second.startswith(first[-OVERLAP_CHARACTERS:])
    assert remote.seen[0] + "".join(window[OVERLAP_CHARACTERS:] for window in remote.seen[1:]) == text
    assert windows.due(is_last=True) is None


def test_a_reply_without_sentences_is_cut_all_the_same():
    windows = OutputWindows(WORDS, (Remote(),))
    windows.feed("长" * 1500)

    lengths = []
    while window := windows.due():
        lengths.append(len(window))

    assert lengths == [600, 650]
    assert len(windows.due(is_last=True)) == 350


def test_without_remote_moderators_nothing_is_due():
    windows = OutputWindows(WORDS)
    windows.feed(PLAIN * 100)

    assert windows.due(is_last=True) is None


def test_what_a_remote_moderator_says_of_a_window_counts():
    windows = OutputWindows(WORDS, (Remote(),))

    assert windows.judge_remotely("好。").verdict == Verdict.PASS
    assert windows.judge_remotely("坏。").blocks


@pytest.mark.parametrize("length", [1, 99, 100, 101, 150, 151, 1000])
def test_windows_of_a_long_text_overlap_and_leave_nothing_out(length):
    text = "".join(chr(0x4E00 + number) for number in range(length))

    windows = list(split_windows(text, 100))

    assert all(0 < len(window) <= 100 for window in windows)
    assert windows[0] + "".join(window[OVERLAP_CHARACTERS:] for window in windows[1:]) == text
