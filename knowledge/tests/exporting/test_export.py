"""A work leaves the corpus as a file that gives the very same work when it is read again."""

import csv
import json
from pathlib import Path

import pytest

from knowledge import services
from knowledge.errors import ExportRefused
from knowledge.exporting.export import Export, export_work, file_name
from knowledge.exporting.export_formats import ExportFormat
from knowledge.ingestion import loading
from knowledge.models import Passage, Section, Work
from knowledge.outlining.records import Refusal
from knowledge.tests.corpus import DAODEJING, LUNYU, POEMS, ingest_file, load, write

pytestmark = pytest.mark.django_db

LONG = "".join(
    f"其{number}者，天地玄黄，宇宙洪荒，日月盈昃，辰宿列张。" for number in "一二三四五六七八九十" * 4
)
SAME_TITLES = """---
title: 无题集
author: 李商隐
dynasty: 唐
---
卷首语，不属任何一首。

## 无题

相见时难别亦难，东风无力百花残。

## 无题

昨夜星辰昨夜风，画楼西畔桂堂东。

### 附 {author="朱 鹤龄" dynasty=清}

此诗有所寄托。

再论其二。
"""
RICH = [
    {
        "work": "老子",
        "edition": "帛书本",
        "aliases": ["道德经", "德道经"],
        "author": "老聃",
        "dynasty": "春秋",
    },
    {"category": "子部", "license": "公有领域", "source": "马王堆帛书"},
    {"section": ["德经", "第一章"], "text": "上德不德，是以有德。", "translation": "最高的德不自以为有德。"},
    {"section": ["德经", "第一章"], "text": "注云：不德者，无为也。", "kind": "commentary"},
    {"section": ["道经"], "text": LONG, "translation": "很长。\n分两段。"},
]


def load_rich(folder: Path) -> Work:
    details = RICH[0] | RICH[1]
    lines = [json.dumps(details | row, ensure_ascii=False) for row in RICH[2:]]
    ingest_file(path=write(folder, "rich.jsonl", "\n".join(lines)))
    return Work.objects.get(edition="帛书本")


def export(work: Work, export_format: ExportFormat, folder: Path) -> Path:
    path = folder / file_name(work, export_format)
    export_work(work=work, export_format=export_format, path=path)
    return path


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open(encoding="utf-8-sig", newline="")))


def stored(work: Work) -> list[tuple]:
    """All that the corpus knows of a work, but for ids."""
    details = Work.objects.filter(pk=work.pk).values_list(
        "title", "edition", "aliases", "author", "dynasty", "category", "license", "source", "content_hash"
    )
    sections = work.sections.order_by("ordinal").values_list(
        "ordinal", "title", "path", "author", "dynasty", "parent__ordinal"
    )
    passages = work.passages.order_by("ordinal").values_list(
        "ordinal", "section__ordinal", "kind", "text", "translation", "continues"
    )
    return [*details, *sections, *passages]


def ids(work: Work) -> list[int]:
    return list(work.passages.order_by("ordinal").values_list("pk", flat=True))


@pytest.mark.parametrize("export_format", list(ExportFormat))
@pytest.mark.parametrize("content", [LUNYU, DAODEJING, POEMS, SAME_TITLES, f"# 长文\n\n{LONG}\n"])
def test_reading_an_export_again_changes_nothing(
    tmp_path: Path, content: str, export_format: ExportFormat
) -> None:
    load(tmp_path, content)
    work = Work.objects.get()
    before, kept = stored(work), ids(work)

    again = ingest_file(path=export(work, export_format, tmp_path))

    assert [each.unchanged for each in again.works] == [True]
    assert again.refused_count == 0
    assert (stored(work), ids(work)) == (before, kept)


@pytest.mark.parametrize("export_format", [ExportFormat.JSONL, ExportFormat.CSV])
def test_translations_kinds_editions_and_provenance_come_back(
    tmp_path: Path, export_format: ExportFormat
) -> None:
    work = load_rich(tmp_path)
    before = stored(work)
    path = export(work, export_format, tmp_path)
    services.remove_work(work_id=work.pk)

    ingest_file(path=path)

    back = Work.objects.get()
    assert stored(back) == before
    assert Passage.objects.get(ordinal=1).translation == "最高的德不自以为有德。"
    assert Passage.objects.get(ordinal=2).kind == "commentary"
    assert Passage.objects.filter(continues=True).count() > 0


def test_a_work_is_exported_for_a_person_to_read(tmp_path: Path) -> None:
    load(tmp_path, POEMS)
    work = Work.objects.get()

    markdown = export(work, ExportFormat.MARKDOWN, tmp_path).read_text("utf-8")
    rows = table(export(work, ExportFormat.CSV, tmp_path))

    assert markdown.startswith("---\ntitle: 唐诗选\ndynasty: 唐\ncategory: 集部\n---\n\n## 静夜思 {author=")
    assert rows[1]["text"] == "白日依山尽，黄河入海流。\n欲穷千里目，更上一层楼。"
    assert json.loads(rows[1]["path"])[0]["author"] == "王之涣"


def test_plain_places_are_plain_columns_and_keys(tmp_path: Path) -> None:
    load(tmp_path, LUNYU, "# 诗\n\n## 国风\n\n### 关雎\n\n关关雎鸠\n")
    poems, analects = Work.objects.get(title="诗"), Work.objects.get(title="论语")

    rows = table(export(poems, ExportFormat.CSV, tmp_path))
    lines = [
        json.loads(line) for line in export(analects, ExportFormat.JSONL, tmp_path).open(encoding="utf-8")
    ]

    assert (rows[0]["chapter"], rows[0]["section"], rows[0]["path"]) == ("国风", "关雎", "")
    assert lines[0]["section"] == "学而"
    assert lines[0]["aliases"] == ["论", "语录"]
    assert lines[1] == {
        "work": "论语",
        "edition": "通行本",
        "section": "学而",
        "text": "曾子曰：“吾日三省吾身。”",
    }


def test_lines_that_were_put_together_stay_apart_where_they_were_cut(tmp_path: Path) -> None:
    paragraphs = [LONG[:300], LONG[300:650], LONG[650:900]]
    record = {"work": "赋", "title": "长赋", "author": "某", "paragraphs": paragraphs}
    ingest_file(path=write(tmp_path, "fu.jsonl", json.dumps(record, ensure_ascii=False)))
    work = Work.objects.get()
    before = stored(work)

    again = ingest_file(path=export(work, ExportFormat.JSONL, tmp_path))

    assert [row[5] for row in before[2:]] == [False, True, True]
    assert [each.unchanged for each in again.works] == [True]
    assert stored(work) == before


@pytest.mark.parametrize(
    "change",
    [
        {"translation": "译文"},
        {"kind": "commentary"},
        {"text": "天地\n\n玄黄"},
        {"text": "# 天地玄黄"},
        {"text": "天地玄黄\n---\n宇宙洪荒"},
        {"text": "天地玄黄 \n宇宙洪荒"},
    ],
)
def test_what_markdown_cannot_carry_is_refused_and_leaves_no_file(
    tmp_path: Path, change: dict[str, str]
) -> None:
    load(tmp_path, "# 千字文\n\n天地玄黄\n\n宇宙洪荒\n")
    work = Work.objects.get()
    Passage.objects.filter(ordinal=1).update(**change)

    with pytest.raises(ExportRefused, match="请改用 jsonl 格式"):
        export(work, ExportFormat.MARKDOWN, tmp_path)

    assert not (tmp_path / "千字文.md").exists()
    assert export(work, ExportFormat.JSONL, tmp_path).exists()


@pytest.mark.parametrize(
    "change", [{"aliases": ["甲、乙"]}, {"source": "某书\n第三页"}, {"title": " 千字文"}], ids=str
)
def test_details_that_markdown_cannot_carry_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    load(tmp_path, "# 千字文\n\n天地玄黄\n")
    Work.objects.update(**change)

    with pytest.raises(ExportRefused):
        export(Work.objects.get(), ExportFormat.MARKDOWN, tmp_path)

    assert list(tmp_path.glob("*千字文*")) == []


@pytest.mark.parametrize("title", ["甲 {乙}", "甲 #乙", "甲}乙", "甲\n乙"])
def test_heading_that_markdown_would_change_is_carried_or_refused(tmp_path: Path, title: str) -> None:
    load(tmp_path, "# 千字文\n\n## 甲\n\n天地玄黄\n")
    Section.objects.update(title=title, path=title)
    work = Work.objects.get()

    try:
        path = export(work, ExportFormat.MARKDOWN, tmp_path)
    except ExportRefused:
        path = export(work, ExportFormat.JSONL, tmp_path)
    ingest_file(path=path)

    assert Section.objects.get().title == title


def test_text_that_would_be_cut_elsewhere_today_is_exported_whole(tmp_path: Path) -> None:
    load(tmp_path, f"# 长文\n\n{LONG}\n")
    work = Work.objects.get()
    first, second, *_rest = work.passages.order_by("ordinal")
    Passage.objects.filter(pk=first.pk).update(text=first.text + second.text[:23])
    Passage.objects.filter(pk=second.pk).update(text=second.text[23:])

    done = export_work(work=work, export_format=ExportFormat.JSONL, path=tmp_path / "a.jsonl")

    assert done == Export(work.passages.count(), recut=1, export_format=ExportFormat.JSONL)
    assert "重新分段" in done.caution
    assert "jsonl" not in done.caution
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").open(encoding="utf-8")]
    assert "".join(line["text"] for line in lines) == LONG


CLAUSE = "天地玄黄，宇宙洪荒，日月盈昃，辰宿列张。"


@pytest.mark.parametrize("export_format", [ExportFormat.JSONL, ExportFormat.CSV])
@pytest.mark.parametrize(
    "paragraphs",
    [
        [CLAUSE * n for n in (3, 1, 5, 2, 2, 9, 1, 7)],
        [CLAUSE * 4 + "\n" + CLAUSE * 20, CLAUSE * 6, CLAUSE],
        [CLAUSE, CLAUSE * 12 + "\n" + CLAUSE * 13 + "\n" + CLAUSE * 14, CLAUSE * 6],
        [f"{CLAUSE[:4]}，\n{CLAUSE}"] * 30,
        ["一曰\n" + CLAUSE * 9, CLAUSE * 10, "二曰", CLAUSE * 15],
        [CLAUSE * 30, CLAUSE * 2, CLAUSE * 3],
        [f"{CLAUSE * 10}\n{CLAUSE * 3}", CLAUSE * 8],
        [CLAUSE[:-1] + CLAUSE * 6, "孑立", "一作：", "獨立", CLAUSE * 8, CLAUSE * 7, CLAUSE * 6],
    ],
    ids=range(8),
)
def test_text_of_several_paragraphs_comes_back_as_it_was_cut(
    tmp_path: Path, paragraphs: list[str], export_format: ExportFormat
) -> None:
    rows = [
        {"work": "赋", "section": "长赋", "text": text, "continues": number > 0, "translation": f"译{number}"}
        for number, text in enumerate(paragraphs)
    ]
    content = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    ingest_file(path=write(tmp_path, "fu.jsonl", content))
    work = Work.objects.get()
    kept = ids(work)

    path = tmp_path / f"again{export_format.suffix}"
    done = export_work(work=work, export_format=export_format, path=path)
    again = ingest_file(path=path)

    assert (done.recut, done.caution, [each.unchanged for each in again.works]) == (0, "", [True])
    assert ids(work) == kept
    assert len(kept) > 1


def test_markdown_tells_truly_that_lines_will_be_cut_anew(tmp_path: Path) -> None:
    record = {"work": "赋", "title": "长赋", "author": "某", "paragraphs": [CLAUSE * 6] * 9}
    ingest_file(path=write(tmp_path, "fu.json", json.dumps(record, ensure_ascii=False)))
    work = Work.objects.get()

    done = export_work(work=work, export_format=ExportFormat.MARKDOWN, path=tmp_path / "a.md")
    again = ingest_file(path=tmp_path / "a.md")

    assert done.caution == (
        "其中 1 篇长文再导入时会重新分段：文字不变，但段落的编号与向量换新，读者的摘抄不再指向原文。"
        "Markdown 记不下一篇原来是怎样分行的，要原样导回请改用 jsonl 格式。"
    )
    assert again.works[0].changes.removed > 0


def test_text_behind_a_subsection_comes_back_in_its_place(tmp_path: Path) -> None:
    rows = [
        {"work": "书", "section": path, "text": text}
        for path, text in ((["甲"], "其一"), (["甲", "乙"], "其二"), (["甲"], "其三"))
    ]
    ingest_file(path=write(tmp_path, "s.jsonl", "\n".join(map(json.dumps, rows))))
    work = Work.objects.get()
    before = stored(work)

    with pytest.raises(ExportRefused, match="jsonl"):
        export(work, ExportFormat.MARKDOWN, tmp_path)
    again = ingest_file(path=export(work, ExportFormat.JSONL, tmp_path))

    assert [each.unchanged for each in again.works] == [True]
    assert stored(work) == before


def test_broken_corpus_is_not_handed_out_as_if_it_were_whole(tmp_path: Path) -> None:
    load(tmp_path, LUNYU)
    Passage.objects.filter(ordinal=2).update(text="no Chinese at all")

    with pytest.raises(ExportRefused, match="没有汉字"):
        export(Work.objects.get(), ExportFormat.JSONL, tmp_path)


def test_export_reads_a_work_in_a_few_queries(tmp_path: Path, django_assert_max_num_queries) -> None:
    load(tmp_path, LUNYU, POEMS)

    with django_assert_max_num_queries(6):
        export(Work.objects.get(title="唐诗选"), ExportFormat.JSONL, tmp_path)


@pytest.mark.parametrize(
    ("title", "edition", "name"),
    [("论语", "", "论语.md"), ("论语", "何晏/皇侃本", "论语（何晏_皇侃本）.md"), ("../x", "", ".._x.md")],
)
def test_file_is_named_after_work_and_edition(title: str, edition: str, name: str) -> None:
    assert file_name(Work(title=title, edition=edition), ExportFormat.MARKDOWN) == name


@pytest.mark.parametrize(
    "path", ["学而", "[", {"title": "学而"}, ["学而"], [{"title": 5}], [{"title": "学而", "number": -1}]]
)
def test_path_that_no_export_wrote_is_refused_alone(tmp_path: Path, path: object) -> None:
    rows = [{"work": "书", "text": "天地玄黄", "path": path}, {"work": "书", "text": "宇宙洪荒"}]
    file = write(tmp_path, "书.jsonl", "\n".join(json.dumps(row) for row in rows))

    said = Refusals()
    ingest_file(path=file, listener=said)

    assert [(refusal.line, refusal.reason) for refusal in said.refusals] == [
        (1, "path 应为篇章的列表，每项含 title。")
    ]
    assert Passage.objects.get().text == "宇宙洪荒"


class Refusals(loading.IngestionListener):
    def __init__(self) -> None:
        self.refusals: list[Refusal] = []

    def refused(self, source: object, refusal: Refusal) -> None:
        self.refusals.append(refusal)
