"""Posting lists say exactly which documents have a term, however many bytes they take."""

import random
from bisect import bisect_right
from collections.abc import Sequence

import pytest

from knowledge.index.postings import (
    SEGMENT_LIMIT,
    Block,
    Document,
    build_blocks,
    character_terms,
    count_characters,
    pair_term,
    read_postings,
    read_range,
    split_pairs,
)

CHARACTERS = "学而时习之不亦说乎有朋自远方来乐人知愠君子𠮷龘"


def look_up(blocks: Sequence[Block], term: int) -> list[int]:
    """Read the term from the block in which it would be, as the database chooses it."""
    place = bisect_right([block.first_term for block in blocks], term) - 1
    return read_postings(blocks[place].data, term).tolist() if place >= 0 else []


def test_every_pair_of_every_document_is_found_and_nothing_else() -> None:
    chance = random.Random(7)
    texts = ["".join(chance.choices(CHARACTERS, k=chance.randint(1, 60))) for _ in range(400)]

    blocks = build_blocks([Document(text) for text in texts])

    assert len(blocks) > 3
    for first in CHARACTERS:
        for second in CHARACTERS:
            having = [number for number, text in enumerate(texts) if first + second in text]
            assert look_up(blocks, pair_term(first + second)) == having


def test_pairs_do_not_run_from_the_text_into_the_names_or_into_the_next_document() -> None:
    blocks = build_blocks([Document("学而", names=("时习", "之")), Document("不亦")])

    assert look_up(blocks, pair_term("时习")) == [0]
    for pair in ("而时", "习之", "之不", "而不"):
        assert look_up(blocks, pair_term(pair)) == []


def test_translation_is_a_field_of_its_own() -> None:
    blocks = build_blocks([Document("学而", translation="学习"), Document("学习")])

    assert look_up(blocks, pair_term("学习")) == [1]
    assert look_up(blocks, pair_term("学习", translated=True)) == [0]


@pytest.mark.parametrize("text", ["仁者爱人", "仁", "爱仁"])
def test_single_character_is_found_wherever_it_stands(text: str) -> None:
    blocks = build_blocks([Document(text), Document("义")])
    first, last = character_terms("仁")

    found = {number for block in blocks for number in read_range(block.data, first, last).tolist()}

    assert found == {0}


def test_long_list_is_in_one_block_and_short_ones_share_theirs() -> None:
    blocks = build_blocks([Document("之不" + character * 2) for character in map(chr, range(0x4E00, 0x7000))])

    assert look_up(blocks, pair_term("之不")) == list(range(0x7000 - 0x4E00))
    assert 350 < len(blocks) < 450
    assert [block.first_term for block in blocks] == sorted({block.first_term for block in blocks})


def test_segment_has_a_limit() -> None:
    with pytest.raises(ValueError, match="at most 65536"):
        build_blocks([Document("学")] * (SEGMENT_LIMIT + 1))


def test_last_document_of_a_full_segment_has_its_number() -> None:
    documents = [Document("学")] * (SEGMENT_LIMIT - 1) + [Document("而时")]

    assert look_up(build_blocks(documents), pair_term("而时")) == [SEGMENT_LIMIT - 1]


def test_characters_are_counted_once_for_each_text_that_has_them() -> None:
    characters, counts = count_characters([Document("学而学"), Document("学", names=("而",))])

    assert dict(zip(map(chr, characters), counts.tolist(), strict=True)) == {"学": 2, "而": 1}


def test_nothing_to_index_makes_no_blocks() -> None:
    assert build_blocks([]) == []
    assert count_characters([])[0].tolist() == []


@pytest.mark.parametrize(("folded", "pairs"), [("", []), ("学", []), ("学而时", ["学而", "而时"])])
def test_pairs_overlap(folded: str, pairs: list[str]) -> None:
    assert split_pairs(folded) == pairs
