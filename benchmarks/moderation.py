"""Decides whether the word check is quick with 10 000 words, and whether the seeded list leaves the classics alone.

``python -m benchmarks.moderation [--data FOLDER] [--passages N] [--words N] [--rounds N]``; reads no database.
"""

import gzip
import itertools
import json
import random
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import ahocorasick

from benchmarks.corpus import add_data_argument
from benchmarks.database import set_up_django
from benchmarks.reporting import Row, argument_parser, print_machine, print_rows, seconds_of, time_alternately

_SEED = 4
_LENGTHS = (2, 3, 4, 4, 5, 6)
_DELTA_CHARACTERS = 4
_SAMPLE_CHARACTERS = 1_000_000


def main() -> int:
    """Scan every passage with the seeded list and a sample with many words; return 1 if a bar is missed."""
    parser = argument_parser(__doc__)
    add_data_argument(parser)
    parser.add_argument("--passages", type=int, default=None, metavar="N")
    parser.add_argument("--words", type=int, default=10_000, metavar="N")
    parser.add_argument("--rounds", type=int, default=5, metavar="N")
    options = parser.parse_args()
    set_up_django()
    texts = list(itertools.islice(_passages(options.data / "passages.jsonl.gz"), options.passages))
    print_machine()
    rows = [*_measure_hits(texts), *_measure_speed(texts, options.words, options.rounds)]
    return 0 if print_rows(f"moderation, {len(texts)} passages, {options.words} words", rows) else 1


def _passages(path: Path) -> Iterator[str]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)["text"]


def _measure_hits(texts: list[str]) -> list[Row]:
    from chat.moderation.words import Word, WordList

    seeded = import_module("chat.migrations.0005_moderation").SEEDED_WORDS
    words = WordList(
        Word(text, category, action == "block")
        for (category, action), listed in seeded.items()
        for text in listed.split()
    )
    hits: list[str] = []
    seconds = seconds_of(lambda: hits.extend(hit.word.text for text in texts for hit in words.find(text)))
    characters = sum(map(len, texts))
    print(f"{len(words)} seeded words, {characters} characters in {seconds:.1f} s; hits: {hits[:10]}")
    return [Row("passages hit by the seeded list", None, len(hits), 0, is_ceiling=True)]


def _measure_speed(texts: list[str], count: int, rounds: int) -> list[Row]:
    from chat.moderation.windows import OutputWindows
    from chat.moderation.words import Word, WordList
    from knowledge.folding import fold

    sample = "".join(texts)[:_SAMPLE_CHARACTERS]
    made = _make_words(sorted(set(fold(sample))), count)
    words, bare = WordList(map(Word, made)), _bare_automaton(made)

    def feed() -> None:
        check = OutputWindows(words)
        for start in range(0, len(sample) // 10, _DELTA_CHARACTERS):
            check.feed(sample[start : start + _DELTA_CHARACTERS])

    times = time_alternately(
        {
            "bare": lambda: [end for end, _ in bare.iter(fold(sample))],
            "ours": lambda: words.find(sample),
            "deltas": feed,
        },
        rounds=rounds,
    )
    deltas = len(sample) // 10 / _DELTA_CHARACTERS
    bare_speed, speed = (len(sample) / times[name] / 1e6 for name in ("bare", "ours"))
    return [
        Row("a whole text, million characters a second", bare_speed, speed, 1),
        Row(
            "a delta of 4 characters, microseconds", None, times["deltas"] / deltas * 1e6, 20, is_ceiling=True
        ),
    ]


def _make_words(characters: list[str], count: int) -> list[str]:
    """Make words of characters of the corpus put together by chance: the shape of a list, and hardly a hit."""
    chance = random.Random(_SEED)
    made: set[str] = set()
    while len(made) < count:
        made.add("".join(chance.choices(characters, k=chance.choice(_LENGTHS))))
    return sorted(made)


def _bare_automaton(words: list[str]) -> ahocorasick.Automaton:
    """The library as its documentation uses it: one branch for each ideograph, and no look at what stands between."""
    automaton = ahocorasick.Automaton()
    for word in words:
        automaton.add_word(word, word)
    automaton.make_automaton()
    return automaton


if __name__ == "__main__":
    sys.exit(main())
