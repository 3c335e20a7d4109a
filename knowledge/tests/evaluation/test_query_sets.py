"""The queries of an evaluation are read with their gold, and the passages that answer them are found."""

import gzip
import json
from pathlib import Path

import pytest

from knowledge.errors import QueryFileRefused
from knowledge.evaluation.query_sets import GoldText, Query, judge_queries, read_queries, select_queries
from knowledge.models import Passage
from knowledge.tests.corpus import DAODEJING, LUNYU, load, write


def query_file(folder: Path, *rows: object, name: str = "queries.jsonl") -> Path:
    return write(folder, name, "\n".join(json.dumps(row, ensure_ascii=False) for row in rows))


def passages_file(folder: Path, *rows: dict, name: str = "passages.jsonl") -> Path:
    lines = "\n".join(json.dumps({"chapter": "", **row}, ensure_ascii=False) for row in rows).encode()
    return write(folder, name, gzip.compress(lines) if name.endswith(".gz") else lines)


def passage(text: str) -> int:
    return Passage.objects.get(text__contains=text).pk


def test_queries_are_read_with_ids_or_texts_as_gold(tmp_path: Path) -> None:
    path = query_file(
        tmp_path,
        {"id": "q1", "kind": "question", "query": "问学", "gold": [7], "alternates": [8, 9]},
        {"query": "问水", "gold_text": "上善若水", "work": "老子"},
    )

    assert read_queries(path) == [
        Query("q1", "question", "问学", ("7",), ("8", "9")),
        Query("queries:2", "queries", "问水", gold_texts=(GoldText("上善若水", "老子"),)),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "第 2 行不是有效的 JSON"),
        ("[]", "第 2 行缺少 query"),
        ('{"query": "abc", "gold": [1]}', "第 2 行缺少 query"),
        ('{"query": "问学"}', "第 2 行没有标准答案"),
        ('{"query": "问学", "gold_text": ["学而时"]}', "第 2 行的 gold_text 太短"),
    ],
)
def test_line_that_cannot_be_asked_is_named(tmp_path: Path, line: str, reason: str) -> None:
    path = write(tmp_path, "q.jsonl", '{"query": "问学", "gold": [1]}\n' + line)

    with pytest.raises(QueryFileRefused) as refused:
        read_queries(path)

    assert reason in refused.value.message


@pytest.mark.parametrize("content", [b"", b"\n\n", "问".encode("gb18030")])
def test_file_without_readable_queries_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(QueryFileRefused):
        read_queries(write(tmp_path, "q.jsonl", content))


def test_sample_takes_so_many_of_each_kind_and_always_the_same() -> None:
    queries = [Query(f"{kind}{number}", kind, "问") for kind in "ab" for number in range(50)]

    sample = select_queries(queries, limit=5)

    assert [query.kind for query in sample] == ["a"] * 5 + ["b"] * 5
    assert select_queries(queries, limit=5) == sample
    assert select_queries(queries, kinds=["b"], limit=5) == sample[5:]
    assert select_queries(queries, limit=50) == queries


def test_kind_that_no_query_has_is_refused() -> None:
    with pytest.raises(QueryFileRefused, match="文件里有：a"):
        select_queries([Query("1", "a", "问")], kinds=["b"])


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["passages.jsonl", "passages.jsonl.gz"])
def test_gold_id_is_the_passage_with_that_text_in_that_work(tmp_path: Path, name: str) -> None:
    load(tmp_path, LUNYU, DAODEJING.replace("上善若水。", "學而不思則罔，思而不學則殆。上善若水。"))
    passages = passages_file(
        tmp_path,
        {"id": 1, "book": "论语", "text": "子曰：「學而不思則罔，思而不學則殆。」"},
        {"id": 2, "book": "老子", "text": "知人者智，自知者明；胜人者有力，自胜者强。"},
        {"id": 3, "book": "论语", "text": "上善若水。水善利万物而不争，处众人之所恶，故几于道。"},
        name=name,
    )
    queries = [Query(str(key), "k", "问", (str(key),)) for key in (1, 2, 3, 4)]

    result = judge_queries(queries, passages=passages)

    assert [(query.id, query.answers) for query in result.judged] == [
        ("1", {passage("子曰：“学而不思则罔")}),
        ("2", {passage("知人者智")}),
    ]
    assert [skip.id for skip in result.skipped] == ["3", "4"]
    assert "编号 3" in result.skipped[0].reason


@pytest.mark.django_db
def test_alternate_is_a_hit_too_but_does_not_stand_in_for_missing_gold(tmp_path: Path) -> None:
    load(tmp_path, LUNYU)
    passages = passages_file(
        tmp_path,
        {"id": 1, "book": "论语", "text": "子曰：“温故而知新，可以为师矣。”"},
        {"id": 2, "book": "论语", "text": "曾子曰：“吾日三省吾身。”"},
    )
    queries = [Query("a", "k", "问", ("1",), ("2", "9")), Query("b", "k", "问", ("9",), ("2",))]

    result = judge_queries(queries, passages=passages)

    assert [query.answers for query in result.judged] == [{passage("温故而知新"), passage("吾日三省")}]
    assert [skip.id for skip in result.skipped] == ["b"]


@pytest.mark.django_db
def test_gold_that_ingestion_cut_is_answered_by_each_of_its_pieces(tmp_path: Path) -> None:
    long = "".join(
        f"其{number}者，天地玄黄，宇宙洪荒，日月盈昃，辰宿列张。" for number in "一二三四五六七八九十" * 4
    )
    load(tmp_path, f"# 千字文\n\n{long}\n")
    passages = passages_file(tmp_path, {"id": 1, "book": "千字文", "text": long})

    result = judge_queries([Query("a", "k", "问", ("1",))], passages=passages)

    assert Passage.objects.count() > 1
    assert result.judged[0].answers == set(Passage.objects.values_list("pk", flat=True))


@pytest.mark.django_db
def test_gold_text_is_answered_by_every_passage_that_holds_it_in_the_named_work(tmp_path: Path) -> None:
    load(tmp_path, LUNYU, DAODEJING, "# 杂抄\n\n古人云：上善若水。\n")
    golds = [GoldText("上善若水", ""), GoldText("上善若水", "老子"), GoldText("上善若水", "论语")]
    queries = [Query(str(number), "k", "问", gold_texts=(gold,)) for number, gold in enumerate(golds)]

    result = judge_queries(queries)

    assert [query.answers for query in result.judged] == [
        {passage("水善利万物"), passage("古人云")},
        {passage("水善利万物")},
    ]
    assert [(skip.id, skip.reason) for skip in result.skipped] == [
        ("2", "语料里没有它的标准答案：《论语》“上善若水”")
    ]


def test_ids_without_the_file_that_they_refer_to_are_refused() -> None:
    with pytest.raises(QueryFileRefused, match="--passages"):
        judge_queries([Query("a", "k", "问", ("1",))])


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"id": 1}', b"\x1f\x8b broken"])
def test_unreadable_passages_file_is_refused(tmp_path: Path, content: bytes) -> None:
    name = "p.jsonl.gz" if content.startswith(b"\x1f") else "p.jsonl"

    with pytest.raises(QueryFileRefused):
        judge_queries([Query("a", "k", "问", ("1",))], passages=write(tmp_path, name, content))
