"""Loading is idempotent by content, keeps the ids of what did not change, and loses nothing to a bad record."""

import json
import os
from pathlib import Path

import pytest

from knowledge import progress, services
from knowledge.errors import CorpusFileRefused
from knowledge.formats import Source, discover
from knowledge.ingestion import loading
from knowledge.models import Embedding, IngestedSource, Passage, Section, Work
from knowledge.outlining.records import Refusal
from knowledge.reading.sections import stretch_of_section
from knowledge.tests.corpus import (
    DAODEJING,
    LUNYU,
    POEMS,
    FakeEmbedder,
    assert_index_is_true,
    ingest_file,
    load,
    use_embedder,
    write,
)
from knowledge.vectors import filling

pytestmark = pytest.mark.django_db


class Recorder(loading.IngestionListener):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.refusals: list[Refusal] = []
        self.progress: list[tuple[str, int, int]] = []

    def refused(self, source: Source, refusal: Refusal) -> None:
        self.refusals.append(refusal)

    def progressed(self, stage: progress.Stage, processed: int, total: int) -> None:
        self.progress.append((str(stage), processed, total))


def test_file_becomes_a_work_with_sections_and_passages(tmp_path: Path) -> None:
    path = write(tmp_path, "lunyu.md", LUNYU)

    result = ingest_file(path=path)

    work = Work.objects.get()
    assert (work.title, work.category, work.aliases, work.origin) == (
        "论语",
        "经部",
        ["论", "语录"],
        "lunyu.md",
    )
    assert (result.passage_count, work.passage_count, result.refused_count) == (6, 6, 0)
    assert [section.path for section in work.sections.order_by("ordinal")] == ["学而", "为政"]
    passage = Passage.objects.get(ordinal=5)
    assert passage.citation == "《论语·为政》"
    assert passage.text == "子曰：“学而不思则罔，思而不学则殆。”"
    assert passage.folded == "子曰学而不思则罔思而不学则殆"
    assert_index_is_true()


def test_poem_is_cited_by_its_own_author(tmp_path: Path) -> None:
    load(tmp_path, POEMS)

    poem = Passage.objects.get(ordinal=1)

    assert poem.citation == "李白《静夜思》"
    assert poem.text == "床前明月光，疑是地上霜。\n举头望明月，低头思故乡。"


def test_traditional_text_is_folded_for_the_index_and_kept_for_the_reader(tmp_path: Path) -> None:
    load(tmp_path, "# 論語\n\n學而時習之，不亦說乎？\n")

    passage = Passage.objects.get()

    assert passage.text == "學而時習之，不亦說乎？"
    assert passage.folded == "学而时习之不亦说乎"
    assert passage.length == 9


def test_same_file_again_changes_nothing_and_says_so(tmp_path: Path) -> None:
    load(tmp_path, LUNYU)
    before = list(Passage.objects.order_by("id").values()), Work.objects.values().get()

    result = ingest_file(path=tmp_path / "0.md")

    assert [work.unchanged for work in result.works] == [True]
    assert (list(Passage.objects.order_by("id").values()), Work.objects.values().get()) == before


def test_changed_file_replaces_only_what_differs(tmp_path: Path, monkeypatch) -> None:
    use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU)
    filling.embed_missing()
    ids = dict(Passage.objects.values_list("text", "id"))
    removed, added = "曾子曰：“吾日三省吾身。”", "子曰：“巧言令色，鲜矣仁。”"

    result = ingest_file(path=write(tmp_path, "new.md", LUNYU.replace(removed, f"{added}\n\n有子曰。")))

    changes = result.works[0].changes
    assert (changes.added, changes.removed, changes.moved, changes.kept) == (2, 1, 0, 5)
    after = dict(Passage.objects.values_list("text", "id"))
    assert {text: key for text, key in after.items() if text in ids} == {
        text: key for text, key in ids.items() if text != removed
    }
    ordinals = Passage.objects.order_by("ordinal").values_list("ordinal", flat=True)
    assert list(ordinals) == [1, 2, 3, 4, 5, 6, 7]
    assert Embedding.objects.count() == 5
    assert_index_is_true()


def test_renamed_section_moves_its_passages_with_their_ids_and_drops_their_vectors(
    tmp_path: Path, monkeypatch
) -> None:
    use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU)
    filling.embed_missing()
    ids = list(Passage.objects.order_by("ordinal").values_list("id", flat=True))

    ingest_file(path=write(tmp_path, "new.md", LUNYU.replace("## 为政", "## 为政第二")))

    assert list(Passage.objects.order_by("ordinal").values_list("id", flat=True)) == ids
    assert Passage.objects.get(ordinal=5).citation == "《论语·为政第二》"
    assert list(Section.objects.order_by("ordinal").values_list("path", flat=True)) == ["学而", "为政第二"]
    assert set(Embedding.objects.values_list("passage__ordinal", flat=True)) == {1, 2}
    assert_index_is_true()


def test_details_that_a_person_edited_survive_loading_again(tmp_path: Path) -> None:
    load(tmp_path, LUNYU)
    work = Work.objects.get()
    work.author, work.edited_at = "孔门弟子", work.updated_at
    work.save()

    ingest_file(path=write(tmp_path, "new.md", LUNYU + "\n新的一段。\n"))

    work.refresh_from_db()
    assert (work.author, work.passage_count) == ("孔门弟子", 7)


def test_one_broken_record_among_a_thousand_is_reported_and_the_rest_loaded(tmp_path: Path) -> None:
    lines = [json.dumps({"work": "书", "text": f"天地玄黄{chr(0x4E00 + number)}"}) for number in range(1000)]
    lines[499] = json.dumps({"work": "书"})

    listener = Recorder()

    result = ingest_file(path=write(tmp_path, "书.jsonl", "\n".join(lines)), listener=listener)

    assert Passage.objects.count() == 999
    assert [(refusal.line, refusal.file) for refusal in listener.refusals] == [(500, "书.jsonl")]
    assert result.refused_count == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "没有可导入的文字"),
        (b"\n \n", "没有可导入的文字"),
        (b"abc\n", "没有汉字"),
        ("論語".encode() + b"\xff", "UTF-8"),
    ],
)
def test_refused_file_leaves_the_corpus_alone(tmp_path: Path, content: bytes, message: str) -> None:
    load(tmp_path, LUNYU)

    with pytest.raises(CorpusFileRefused) as refused:
        ingest_file(path=write(tmp_path, "论语.txt", content))

    assert message in refused.value.message
    assert Passage.objects.count() == 6


def test_dry_run_reads_everything_and_stores_nothing(tmp_path: Path) -> None:
    result = ingest_file(path=write(tmp_path, "lunyu.md", LUNYU), dry_run=True)

    assert result.passage_count == 6
    assert not Work.objects.exists()


def test_one_file_may_hold_several_works(tmp_path: Path) -> None:
    records = [{"work": "大学", "text": "大学之道。"}, {"work": "中庸", "text": "天命之谓性。"}]
    content = json.dumps([*records, {"work": "大学", "text": "知止而后有定。"}])

    ingest_file(path=write(tmp_path, "x.json", content))

    counts = dict(Work.objects.values_list("title", "passage_count"))
    assert counts == {"大学": 2, "中庸": 1}


def test_untitled_records_by_several_authors_keep_their_own(tmp_path: Path) -> None:
    records = [
        {"work": "诗选", "section": "静夜思", "author": "李白", "text": "床前明月光。"},
        {"work": "诗选", "section": "春望", "author": "杜甫", "text": "国破山河在。"},
    ]

    ingest_file(path=write(tmp_path, "x.json", json.dumps(records)))

    assert Work.objects.get().author == ""
    citations = [passage.citation for passage in Passage.objects.located().order_by("ordinal")]
    assert citations == ["李白《静夜思》", "杜甫《春望》"]


def test_passages_follow_the_tree_even_if_the_file_jumps_about(tmp_path: Path) -> None:
    records = [
        {"work": "书", "chapter": "甲", "text": "甲之一。"},
        {"work": "书", "chapter": "乙", "text": "乙之一。"},
        {"work": "书", "chapter": "甲", "section": "甲中", "text": "甲中之一。"},
        {"work": "书", "chapter": "甲", "text": "甲之二。"},
    ]

    ingest_file(path=write(tmp_path, "x.json", json.dumps(records)))

    texts = list(Passage.objects.order_by("ordinal").values_list("text", flat=True))
    assert texts == ["甲之一。", "甲中之一。", "甲之二。", "乙之一。"]
    assert list(Section.objects.order_by("ordinal").values_list("path", flat=True)) == ["甲", "甲·甲中", "乙"]


def test_removing_a_work_takes_everything_of_it_and_nothing_else(tmp_path: Path, monkeypatch) -> None:
    use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU, DAODEJING)
    filling.embed_missing()

    removed = services.remove_work(work_id=Work.objects.get(title="论语").pk)
    services.index_corpus()

    assert removed == 6
    assert set(Passage.objects.values_list("work__title", flat=True)) == {"道德经"}
    assert Embedding.objects.count() == 3
    assert_index_is_true()


def test_long_paragraph_becomes_passages_that_join_to_the_original(tmp_path: Path) -> None:
    text = "".join(f"第{chr(0x4E00 + number)}句，天地玄黄，宇宙洪荒。" for number in range(60))

    load(tmp_path, f"# 长文\n\n{text}\n")

    texts = list(Passage.objects.order_by("ordinal").values_list("text", flat=True))
    assert len(texts) == 3
    assert "".join(texts) == text


TEI = """<TEI><teiHeader/><text><body>
<div><head>甲</head><p>其一</p><div><head>乙</head><p>其二</p></div><p>其三</p></div>
<div><head>丙</head><p>其四</p></div>
</body></text></TEI>"""


def test_paragraph_after_a_nested_division_stays_behind_it_and_sections_stay_whole(tmp_path: Path) -> None:
    ingest_file(path=write(tmp_path, "书.xml", TEI))

    passages = list(Passage.objects.order_by("ordinal").values_list("text", "section__path"))
    stretches = {
        section.title: [passage.text for passage in stretch_of_section(section).passages()]
        for section in Section.objects.all()
    }
    assert passages == [("其一", "甲"), ("其二", "甲·乙"), ("其三", "甲"), ("其四", "丙")]
    assert stretches == {"甲": ["其一", "其二", "其三"], "乙": ["其二"], "丙": ["其四"]}


SHIJI = "黄帝者，少典之子，姓公孙，名曰轩辕。\n生而神灵，弱而能言，幼而徇齐，长而敦敏，成而聪明。\n"
HANSHU = "高祖，沛丰邑中阳里人也，姓刘氏。\n母媪尝息大泽之陂，梦与神遇。\n"


def in_folder(folder: Path, book: str, content: str, name: str = "卷一.txt") -> Path:
    (folder / book).mkdir(exist_ok=True)
    return write(folder / book, name, content)


def test_book_that_only_its_folder_names_does_not_replace_another_of_that_name(tmp_path: Path) -> None:
    for place, text in (("甲", SHIJI), ("乙", HANSHU)):
        (tmp_path / place / "史记").mkdir(parents=True)
        write(tmp_path / place / "史记", "text.txt", text)
    (first,), (other,) = (discover([tmp_path / place]) for place in "甲乙")
    loading.ingest_sources(sources=[first], listener=loading.IngestionListener())

    result = loading.ingest_sources(sources=[other], listener=loading.IngestionListener())

    assert "库中已有《史记》（导入自 史记/text.txt），内容完全不同" in result.failed[0][1]
    assert Work.objects.get().title == "史记"
    assert Passage.objects.filter(text__contains="轩辕").exists()


@pytest.mark.parametrize(
    "name", ["卷一.txt", os.fsdecode("卷一.txt".encode("gb18030"))], ids=["utf-8", "gbk"]
)
def test_another_book_with_the_same_file_name_does_not_replace_the_first(tmp_path: Path, name: str) -> None:
    ingest_file(path=in_folder(tmp_path, "史记", SHIJI, name))
    other = in_folder(tmp_path, "汉书", HANSHU, name)

    with pytest.raises(CorpusFileRefused, match=r"库中已有《卷一》（导入自 卷一\.txt），内容完全不同"):
        ingest_file(path=other)
    assert Passage.objects.filter(text__contains="轩辕").exists()

    ingest_file(path=other, edition="汉书")
    assert Work.objects.count() == 2
    ingest_file(path=other, work_title="卷一")
    assert not Passage.objects.filter(text__contains="轩辕").exists()


@pytest.mark.parametrize(
    "content",
    [
        SHIJI.replace("轩辕", "軒轅"),
        SHIJI.replace("，", "　").replace("。", ""),
        SHIJI.replace("\n", "") + HANSHU,
        SHIJI.replace("神灵", "神靈").replace("聪明", "聰明").replace("孙", "孫"),
    ],
)
def test_corrected_file_replaces_its_text_though_no_passage_is_the_same(tmp_path: Path, content: str) -> None:
    ingest_file(path=in_folder(tmp_path, "史记", SHIJI))

    ingest_file(path=in_folder(tmp_path, "史记", content))

    assert "".join(Passage.objects.order_by("ordinal").values_list("text", flat=True)) == content.replace(
        "\n", ""
    )


def test_file_that_says_which_work_it_is_may_replace_all_of_its_text(tmp_path: Path) -> None:
    load(tmp_path, "---\ntitle: 0\nauthor: 某\n---\n天地玄黄，宇宙洪荒。\n")

    load(tmp_path, "---\ntitle: 0\nauthor: 某\n---\n日月盈昃，辰宿列张。\n")

    assert Passage.objects.get().text == "日月盈昃，辰宿列张。"


def test_file_whose_name_is_no_utf8_is_loaded(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\xfe.md")

    ingest_file(path=write(tmp_path, name, LUNYU))

    assert Work.objects.get().origin == IngestedSource.objects.get().name == "\ufffd\ufffd.md"


def test_file_that_is_refused_is_named_as_people_read_it(tmp_path: Path) -> None:
    path = write(tmp_path, os.fsdecode("学而.md".encode("gb18030")), "")
    listener = Recorder()

    loading.ingest_sources(sources=discover([path]), listener=listener)

    assert {refusal.file for refusal in listener.refusals} == {"学而.md"}
