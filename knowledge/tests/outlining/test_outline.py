"""Records become works one at a time, in order, with what a cut text needs to be understood and rejoined."""

import random
from dataclasses import replace

import pytest

from knowledge.outlining import spool
from knowledge.outlining.chunking import lead_of
from knowledge.outlining.outline import WorkOutline, outline_works
from knowledge.outlining.records import Heading, Record, WorkDetails

SENTENCE = "天地玄黄，宇宙洪荒。"


def record(work: str, text: str, *titles: str, **fields: object) -> Record:
    return Record(WorkDetails(work), tuple(map(Heading, titles)), text, 1, **fields)


def outline(*records: Record) -> WorkOutline:
    (found,) = outline_works(records)
    return found


def test_works_come_in_the_order_of_their_first_records() -> None:
    records = [record(work, f"{work}之{number}。") for number in range(3) for work in ("乙", "甲", "丙")]

    works = list(outline_works(records))

    assert [work.details.title for work in works] == ["乙", "甲", "丙"]
    assert [passage.text for passage in works[1].passages] == ["甲之0。", "甲之1。", "甲之2。"]


def test_editions_of_one_title_are_works_of_their_own() -> None:
    first = record("老子", "道可道。")
    second = replace(first, work=WorkDetails("老子", edition="帛书本"))

    assert [work.details.edition for work in outline_works([first, second, first])] == ["", "帛书本"]


@pytest.mark.parametrize("buffered", [1, 500, 10_000_000])
def test_interleaved_works_are_the_same_however_little_is_kept_in_memory(monkeypatch, buffered: int) -> None:
    numbers = random.Random(7)
    records = [
        Record(
            WorkDetails(f"书{number % 7}", author=f"人{number % 7}"),
            (Heading(f"篇{number % 3}"), Heading("章", "李白", "唐", number)),
            f"第{number}句，天地玄黄。",
            number,
            "commentary" if number % 5 == 0 else "root",
            "译" * (number % 4),
            "file",
        )
        for number in numbers.sample(range(500), 500)
    ]
    direct = [
        list(outline_works([each for each in records if each.work.title == f"书{key}"])) for key in range(7)
    ]
    monkeypatch.setattr(spool.RecordSpool.__init__, "__kwdefaults__", {"buffered_characters": buffered})

    works = {work.details.title: work for work in outline_works(records)}

    assert [works[f"书{key}"] for key in range(7)] == [work for (work,) in direct]


def test_records_wait_on_disk_and_come_back_whole() -> None:
    one = Record(
        WorkDetails("书", ("别名",), "人"),
        (Heading("篇", "甲", "唐", 1 << 70),),
        "文",
        3,
        "root",
        "译",
        "f",
        True,
    )

    with spool.RecordSpool(buffered_characters=0) as waiting:
        waiting.add(one)
        waiting.add(replace(one, text="文二"))

        assert list(waiting.read(("书", ""))) == [one, replace(one, text="文二")]


def test_pieces_of_a_long_text_continue_each_other_and_know_what_went_before() -> None:
    text = SENTENCE * 100

    passages = outline(record("书", text, translation="译文")).passages

    assert "".join(passage.text for passage in passages) == text
    assert [passage.continues for passage in passages] == [False, True, True]
    assert [passage.translation for passage in passages] == ["译文", "", ""]
    assert [passage.lead for passage in passages] == ["", lead_of(SENTENCE), lead_of(SENTENCE)]
    assert passages[0].folded == "天地玄黄宇宙洪荒" * (len(passages[0].text) // 10)


def test_lines_of_one_text_share_passages_and_keep_their_translations() -> None:
    lines = [
        record("书", SENTENCE, "篇", translation=f"译{number}", goes_on=number > 0) for number in range(60)
    ]

    passages = outline(*lines).passages

    assert "".join(passage.text for passage in passages) == "\n".join([SENTENCE] * 60)
    assert "\n".join(passage.translation for passage in passages) == "\n".join(f"译{n}" for n in range(60))
    for passage in passages:
        assert len(passage.translation.split("\n")) == len(passage.text.strip().split("\n"))
    assert [passage.continues for passage in passages] == [False, True, True, True, True]


def test_texts_of_their_own_share_no_passage() -> None:
    passages = outline(
        record("书", "甲。", "篇"), record("书", "乙。", "篇"), record("书", "丙。", "篇", goes_on=True)
    )

    assert [passage.text for passage in passages.passages] == ["甲。", "乙。\n丙。"]


def test_commentary_does_not_join_the_text_that_it_follows() -> None:
    found = outline(record("书", "甲。"), record("书", "注。", kind="commentary", goes_on=True))

    assert [(passage.text, passage.kind) for passage in found.passages] == [
        ("甲。", "root"),
        ("注。", "commentary"),
    ]


def test_translation_of_a_line_that_is_cut_stays_with_its_first_piece() -> None:
    lines = [
        record("书", SENTENCE, translation="甲"),
        record("书", SENTENCE * 50, translation="乙", goes_on=True),
    ]

    passages = outline(*lines).passages

    assert [passage.translation for passage in passages] == ["甲", "乙", ""]
    assert "".join(passage.text for passage in passages) == SENTENCE + "\n" + SENTENCE * 50


@pytest.mark.parametrize(
    "changed",
    [
        {"translation": "译"},
        {"text": "天地玄黄"},
        {"kind": "commentary"},
        {"work": WorkDetails("书", license="MIT")},
        {"headings": (Heading("篇"),)},
    ],
)
def test_fingerprint_covers_everything_that_is_stored(changed: dict[str, object]) -> None:
    before = record("书", SENTENCE)

    assert outline(replace(before, **changed)).content_hash != outline(before).content_hash
    assert outline(replace(before, line=7, file="x")).content_hash == outline(before).content_hash


def test_fingerprint_knows_a_cut_from_a_division() -> None:
    whole = outline(record("书", SENTENCE * 60))
    divided = outline(*(record("书", passage.text) for passage in whole.passages))

    assert [passage.text for passage in divided.passages] == [passage.text for passage in whole.passages]
    assert divided.content_hash != whole.content_hash


def test_text_after_a_subsection_is_read_after_it() -> None:
    found = outline(
        record("书", "卷首。"),
        record("书", "其一。", "甲"),
        record("书", "其二。", "甲", "乙"),
        record("书", "其三。", "甲", goes_on=True),
        record("书", "其四。", "丙"),
        record("书", "跋。"),
    )

    assert [passage.text for passage in found.passages] == [
        "卷首。",
        "其一。",
        "其二。",
        "其三。",
        "其四。",
        "跋。",
    ]
    assert [section.path for section in found.sections] == ["甲", "甲·乙", "丙"]
    assert [passage.section for passage in found.passages] == [None, 0, 1, 0, 2, None]


def test_authors_without_headings_become_sections() -> None:
    first = record("诗选", "床前明月光。")
    records = [
        replace(first, work=WorkDetails("诗选", author=author, dynasty="唐"), text=text)
        for author, text in (("李白", "床前明月光。"), ("杜甫", "国破山河在。"), ("李白", "日照香炉生紫烟。"))
    ]

    found = outline(*records)

    assert [(each.title, each.author, each.dynasty) for each in found.sections] == [
        ("李白", "", "唐"),
        ("杜甫", "", "唐"),
    ]
    assert [passage.section for passage in found.passages] == [0, 0, 1]
    assert found.passages[2].names == ("诗选", "杜甫")


def test_author_of_the_whole_work_makes_no_section() -> None:
    named, silent = WorkDetails("老子", author="老聃"), WorkDetails("老子")

    found = outline(
        replace(record("老子", "道可道。"), work=named), replace(record("老子", "名可名。"), work=silent)
    )

    assert (found.sections, found.details.author) == ([], "老聃")
