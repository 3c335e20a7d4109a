"""A source is told as it is read: progress, refusals, works one at a time; other processes tell the same."""

import json
import multiprocessing
import operator
import os
import weakref
from pathlib import Path

import pytest

from knowledge.formats import discover
from knowledge.ingestion import parsing, parsing_pool
from knowledge.ingestion.parsing import (
    Parsed,
    ParsedWork,
    ParseRequest,
    RecordsRead,
    RecordsRefused,
    SourceFailed,
    SourceParsed,
    SourceRead,
    SourceSkipped,
    WorkTold,
    fingerprint_of,
    parse,
)
from knowledge.ingestion.parsing_pool import _receive_source, parse_all, parse_for, suggest_workers
from knowledge.outlining import outline
from knowledge.outlining.outline import WorkOutline
from knowledge.outlining.records import Record
from knowledge.tests.corpus import DAODEJING, LUNYU, write


def told(request: ParseRequest, **options: object) -> list[Parsed]:
    items: list[Parsed] = []
    parse(request, items.append, **options)
    return items


def request_for(path: Path, **names: str) -> ParseRequest:
    return ParseRequest(discover([path])[0], **names)


def write_lines(folder: Path, name: str, *records: object) -> Path:
    return write(folder, name, "\n".join(json.dumps(record, ensure_ascii=False) for record in records))


def test_source_is_told_in_order(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path,
        "x.jsonl",
        {"work": "大学", "text": "大学之道。"},
        {"work": "坏"},
        {"work": "中庸", "text": "天命之谓性。"},
        {"work": "大学", "text": "在明明德。"},
    )

    refused, read, first, gone, second, _gone, end = told(request_for(path))

    assert [refusal.line for refusal in refused.refusals] == [2]
    assert (read.record_count, [file.file for file in read.files]) == (3, ["x.jsonl"])
    assert (first.outline.details.title, first.record_count, len(first.outline.passages)) == ("大学", 2, 2)
    assert (second.outline.details.title, second.record_count) == ("中庸", 1)
    assert first.content_hash == first.outline.content_hash
    assert gone == WorkTold()
    assert end == SourceParsed(fingerprint_of(request_for(path)))


def test_progress_is_told_while_a_long_source_is_read(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(parsing, "_RECORDS_BETWEEN_REPORTS", 2)
    path = write_lines(tmp_path, "x.jsonl", *({"work": "书", "text": "天地。"} for _ in range(5)))

    items = told(request_for(path))

    assert items[:3] == [RecordsRead(2), RecordsRead(4), items[2]]
    assert isinstance(items[2], SourceRead)


def test_refusals_come_in_bounded_portions(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(parsing, "_REFUSALS_AT_ONCE", 2)
    path = write_lines(tmp_path, "x.jsonl", *({"work": "坏"} for _ in range(5)))

    items = told(request_for(path))

    assert [len(item.refusals) for item in items if isinstance(item, RecordsRefused)] == [2, 2, 1]
    assert items[-1] == SourceFailed(f"文件里没有可导入的文字。第 1 行：{items[0].refusals[0].reason}")


def test_broken_file_is_told_with_what_was_refused_before(tmp_path: Path) -> None:
    path = write(tmp_path, "x.json", '[{"work": "坏"}, {"work": "书", "text": "天地。"}, {broken')

    refused, end = told(request_for(path))

    assert isinstance(refused, RecordsRefused)
    assert isinstance(end, SourceFailed)


def test_file_that_has_gone_fails_its_source_alone(tmp_path: Path) -> None:
    request = request_for(write(tmp_path, "x.md", LUNYU))
    (tmp_path / "x.md").unlink()

    assert told(request) == [SourceFailed("无法读取文件：No such file or directory。")]


def test_edition_is_given_to_the_works_that_name_none(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path,
        "x.jsonl",
        {"work": "大学", "text": "大学之道。"},
        {"work": "大学", "edition": "古本", "text": "大学之道。"},
    )

    items = told(request_for(path, edition="四库本"))

    works = [item for item in items if isinstance(item, ParsedWork)]
    assert [(work.outline.details.edition, work.record_count) for work in works] == [
        ("四库本", 1),
        ("古本", 1),
    ]


def test_loaded_source_is_not_parsed(tmp_path: Path, monkeypatch) -> None:
    request = request_for(write(tmp_path, "x.md", LUNYU))
    fingerprint = fingerprint_of(request)
    monkeypatch.setattr(parsing, "read_source", lambda *_args, **_options: pytest.fail("it was parsed"))

    assert told(request, loaded=frozenset({fingerprint})) == [SourceSkipped(fingerprint)]


def test_fingerprint_knows_the_bytes_and_how_they_are_read_but_not_where_they_lie(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = request_for(write(tmp_path / "a", "x.md", LUNYU))
    moved = request_for(write(tmp_path / "b", "x.md", LUNYU))
    os.utime(tmp_path / "b" / "x.md", (0, 0))
    others = [
        request_for(write(tmp_path, "x.md", LUNYU.replace("学", "學"))),
        request_for(write(tmp_path, "y.md", LUNYU)),
        request_for(write(tmp_path / "a", "x.md", LUNYU), edition="别本"),
        request_for(write(tmp_path / "a", "x.md", LUNYU), work_title="别名"),
    ]

    assert fingerprint_of(first) == fingerprint_of(moved)
    assert len({fingerprint_of(request) for request in [first, *others]}) == 5


def test_one_work_at_a_time_is_in_memory(tmp_path: Path, monkeypatch) -> None:
    """Outlines are not accumulated: before one is made, those before it are gone."""
    path = write_lines(tmp_path, "x.jsonl", *({"work": f"书{n}", "text": "天地。"} for n in range(20)))
    living: list[weakref.ref[WorkOutline]] = []
    kept: list[int] = []
    make = outline._outline_work

    def watch(records: list[Record]) -> WorkOutline:
        kept.append(sum(reference() is not None for reference in living))
        made = make(records)
        living.append(weakref.ref(made))
        return made

    monkeypatch.setattr(outline, "_outline_work", watch)

    parse(request_for(path), lambda item: None)

    assert kept == [0] * 20


def gather(requests: list[ParseRequest], **options: object) -> list[tuple[ParseRequest, Parsed]]:
    items: list[tuple[ParseRequest, Parsed]] = []
    parse_all(requests, lambda request, item: items.append((request, item)), **options)
    return items


def test_several_processes_tell_the_same_in_the_same_order_as_one(tmp_path: Path) -> None:
    long = [{"work": "长", "section": f"第{n}章", "text": f"天地{chr(0x4E00 + n)}。"} for n in range(4500)]
    paths = [
        write(tmp_path, "1.md", LUNYU),
        write_lines(tmp_path, "2.jsonl", {"work": "坏"}, *long),
        write(tmp_path, "3.txt", "\xff\xfe\xff".encode("latin-1")),
        write(tmp_path, "4.md", DAODEJING),
        write_lines(tmp_path, "5.jsonl", {"work": "甲", "text": "甲。"}, {"work": "乙", "text": "乙。"}),
    ]
    requests = [request_for(path) for path in paths]
    loaded = frozenset({fingerprint_of(requests[3])})

    alone = gather(requests, loaded=loaded)
    together = gather(requests, loaded=loaded, workers=2)

    assert together == alone
    assert SourceSkipped in {type(item) for _request, item in together}


def test_death_of_a_parsing_process_is_noticed(tmp_path: Path) -> None:
    requests = [request_for(write(tmp_path, f"{n}.md", LUNYU.replace("论语", f"书{n}"))) for n in range(4)]
    seen: list[Parsed] = []

    def take(_request: ParseRequest, item: Parsed) -> None:
        seen.append(item)
        if len(seen) == 1:
            for process in multiprocessing.active_children():
                process.kill()

    with pytest.raises(RuntimeError, match="has died"):
        parse_all(requests, take, workers=2)


def test_parsing_process_that_is_dead_before_it_has_its_sources_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [request_for(write(tmp_path, f"{n}.md", LUNYU)) for n in range(2)]
    # It compares what it is given and ends.
    monkeypatch.setattr(parsing_pool, "begin", operator.is_)
    # More than a pipe holds.
    loaded = frozenset(f"{n:064}" for n in range(20_000))

    with pytest.raises(RuntimeError, match="has died"):
        parse_all(requests, lambda _request, _item: None, workers=2, loaded=loaded)


def test_death_in_the_middle_of_a_message_is_noticed() -> None:
    ours, theirs = multiprocessing.Pipe()
    os.write(theirs.fileno(), b"\0\0\1\0half")
    theirs.close()

    with pytest.raises(RuntimeError, match="has died"):
        next(_receive_source(ours))


def test_file_that_ends_too_early_is_not_taken_for_the_end_of_the_other_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_arguments: object, **_options: object) -> None:
        raise EOFError("the stream has ended")

    monkeypatch.setattr(parsing_pool, "parse", break_off)
    ours, theirs = multiprocessing.Pipe()
    ours.send(([request_for(write(tmp_path, "x.md", LUNYU))], frozenset()))
    parse_for(theirs)

    with pytest.raises(RuntimeError, match="the stream has ended"):
        next(_receive_source(ours))


def test_unforeseen_error_of_a_parsing_process_is_raised_where_it_can_be_seen() -> None:
    ours, theirs = multiprocessing.Pipe()
    ours.send(([ParseRequest(None)], frozenset()))
    parse_for(theirs)

    with pytest.raises(RuntimeError, match="NoneType"):
        next(_receive_source(ours))


def test_parsing_process_ends_when_nobody_listens_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests = [request_for(write(tmp_path, f"{n}.md", LUNYU)) for n in range(2)]
    begun: list[ParseRequest] = []

    def watch(request: ParseRequest, *arguments: object, **options: object) -> None:
        begun.append(request)
        parse(request, *arguments, **options)

    monkeypatch.setattr(parsing_pool, "parse", watch)
    ours, theirs = multiprocessing.Pipe()
    ours.send((requests, frozenset()))
    ours.close()

    parse_for(theirs)

    assert begun == requests[:1]


def test_parsing_process_that_gets_nothing_ends() -> None:
    ours, theirs = multiprocessing.Pipe()
    ours.close()

    assert parse_for(theirs) is None


def test_few_bytes_are_parsed_without_other_processes(tmp_path: Path) -> None:
    sources = [request_for(write(tmp_path, f"{n}.md", LUNYU)).source for n in range(3)]
    large = tmp_path / "large.txt"
    with large.open("wb") as file:
        file.truncate(20_000_000)

    assert suggest_workers(sources) == 1
    assert suggest_workers(discover([large])) == 1
    assert suggest_workers([*sources, *discover([large])]) == min(2, os.cpu_count())
