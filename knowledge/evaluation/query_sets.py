"""Decides what an evaluation asks: the queries of its files, and the passages of the corpus that answer them."""

import gzip
import json
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import md5
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import orjson
from django.db import connection

from knowledge.errors import QueryFileRefused
from knowledge.folding import fold
from knowledge.models import Work
from knowledge.outlining.chunking import split_text
from knowledge.retrieval import lexical
from knowledge.retrieval.lexical import EVERYWHERE, Where

MIN_GOLD_CHARACTERS = 4
# A line that more passages than these quote is no line to look for.
MAX_ANSWERS = 200
_SAMPLING_SEED = 20
_PHRASES_AT_ONCE = 100

Key = TypeVar("Key")


@dataclass(frozen=True)
class GoldText:
    """A text that answers a query, and the work in which it must stand ("" if any will do)."""

    text: str
    work: str


@dataclass(frozen=True)
class Query:
    """A query of a file; ``gold_ids`` and ``alternate_ids`` name texts of a passages file, or none do."""

    id: str
    kind: str
    text: str
    gold_ids: tuple[str, ...] = ()
    alternate_ids: tuple[str, ...] = ()
    gold_texts: tuple[GoldText, ...] = ()


@dataclass(frozen=True)
class JudgedQuery:
    """A query with the ids of the passages that answer it."""

    id: str
    kind: str
    text: str
    answers: frozenset[int]


@dataclass(frozen=True)
class SkippedQuery:
    """A query that cannot be judged, and why."""

    id: str
    reason: str


@dataclass(frozen=True)
class QuerySet:
    """The queries that can be judged, and those that cannot because the corpus has none of their gold."""

    judged: list[JudgedQuery]
    skipped: list[SkippedQuery]


def read_queries(path: Path) -> list[Query]:
    """Read a file with one JSON object in each line: ``query``, and ``gold`` (ids) or ``gold_text`` (texts).

    Optional keys: ``id``, ``kind``, ``alternates`` (ids), ``work`` (where ``gold_text`` must stand). Raises
    ``QueryFileRefused`` with the line that cannot be used.
    """
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise QueryFileRefused(f"问题文件 {path} 无法读取，请确认路径，并存为 UTF-8。") from error
    queries = [_query(line, path, number) for number, line in enumerate(lines, 1) if line.strip()]
    if not queries:
        raise QueryFileRefused(f"问题文件 {path} 里没有问题。")
    return queries


def select_queries(
    queries: Sequence[Query], *, kinds: Sequence[str] = (), limit: int | None = None
) -> list[Query]:
    """Keep the wanted kinds, and of each kind at most ``limit`` queries: always the same ones, in order."""
    by_kind: dict[str, list[Query]] = defaultdict(list)
    for query in queries:
        by_kind[query.kind].append(query)
    if unknown := [kind for kind in kinds if kind not in by_kind]:
        raise QueryFileRefused(f"没有“{'、'.join(unknown)}”类的问题；文件里有：{'、'.join(by_kind)}。")
    chosen: list[Query] = []
    for kind in kinds or by_kind:
        members = by_kind[kind]
        if limit is not None and limit < len(members):
            picked = random.Random(_SAMPLING_SEED).sample(range(len(members)), limit)
            members = [members[index] for index in sorted(picked)]
        chosen += members
    return chosen


def judge_queries(queries: Sequence[Query], *, passages: Path | None = None) -> QuerySet:
    """Find the passages that answer each query; one whose gold the corpus does not have is skipped.

    A gold id stands for a text of the ``passages`` file: the passages of the same work with the same folded
    text answer, or the pieces into which ingestion cut it. A gold text is answered by every passage that
    holds it. Alternates count as hits, but do not save a query whose gold is missing.
    """
    named = {key for query in queries for key in (*query.gold_ids, *query.alternate_ids)}
    if named and passages is None:
        raise QueryFileRefused("问题里的 gold 是编号，请用 --passages 指明编号所在的段落文件。")
    whole = _find_whole(_read_passages(passages, named)) if passages and named else {}
    held = _find_holding([gold for query in queries for gold in query.gold_texts])
    result = QuerySet([], [])
    for query in queries:
        gold = _union(whole, query.gold_ids) | _union(held, query.gold_texts)
        if gold:
            answers = gold | _union(whole, query.alternate_ids)
            result.judged.append(JudgedQuery(query.id, query.kind, query.text, answers))
        else:
            result.skipped.append(SkippedQuery(query.id, _absence(query)))
    return result


def _query(line: str, path: Path, number: int) -> Query:
    place = f"问题文件 {path.name} 第 {number} 行"
    try:
        row = json.loads(line)
    except ValueError as error:
        raise QueryFileRefused(f"{place}不是有效的 JSON。") from error
    if not isinstance(row, dict) or not isinstance(row.get("query"), str) or not fold(row["query"]):
        raise QueryFileRefused(f"{place}缺少 query，或其中没有汉字。")
    texts = _strings(row.get("gold_text"))
    query = Query(
        id=str(row.get("id", f"{path.stem}:{number}")),
        kind=str(row.get("kind") or path.stem),
        text=row["query"],
        gold_ids=_strings(row.get("gold")),
        alternate_ids=_strings(row.get("alternates")),
        gold_texts=tuple(GoldText(text, str(row.get("work") or "")) for text in texts),
    )
    if not query.gold_ids and not query.gold_texts:
        raise QueryFileRefused(f"{place}没有标准答案：gold 与 gold_text 都为空。")
    if any(len(fold(text)) < MIN_GOLD_CHARACTERS for text in texts):
        raise QueryFileRefused(f"{place}的 gold_text 太短，至少要 {MIN_GOLD_CHARACTERS} 个汉字。")
    return query


def _strings(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [] if value is None else [value]
    return tuple(str(each) for each in values)


def _read_passages(path: Path, wanted: set[str]) -> dict[str, GoldText]:
    """Stream a passages file (JSON lines, gzip or not) and keep the texts that the queries name."""
    kept: dict[str, GoldText] = {}
    try:
        for line in _lines(path):
            row = orjson.loads(line)
            if (key := str(row["id"])) in wanted:
                kept[key] = GoldText(str(row["text"]), str(row["book"]))
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise QueryFileRefused(
            f"段落文件 {path} 无法读取：应为每行一个 JSON 对象，含 id、book、text，可用 gzip 压缩。"
        ) from error
    return kept


def _lines(path: Path) -> Iterator[bytes]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as file:
        yield from file


def _find_whole(texts: Mapping[str, GoldText]) -> dict[str, frozenset[int]]:
    """Find the passages that are these texts, or pieces of them, in the same work: one pass over the corpus."""
    wanted: dict[tuple[str, str], list[str]] = defaultdict(list)
    for key, gold in texts.items():
        for piece in _folded_pieces(gold.text):
            wanted[(gold.work, md5(piece.encode(), usedforsecurity=False).hexdigest())].append(key)
    names = _work_names({gold.work for gold in texts.values()})
    found: dict[str, set[int]] = defaultdict(set)
    with connection.cursor() as cursor:
        cursor.execute(_BY_DIGEST, [list(names), sorted({digest for _work, digest in wanted})])
        for passage_id, work_id, digest in cursor:
            for name in names[work_id]:
                for key in wanted.get((name, digest), ()):
                    found[key].add(passage_id)
    return {key: frozenset(passage_ids) for key, passage_ids in found.items()}


_BY_DIGEST = """
    SELECT id, work_id, md5(folded)
    FROM knowledge_passage
    WHERE work_id = ANY(%s::bigint[]) AND md5(folded) = ANY(%s::text[])
"""


def _find_holding(golds: Iterable[GoldText]) -> dict[GoldText, frozenset[int]]:
    """Find the passages that hold these texts, in the named work where one is named."""
    by_work: dict[str, set[GoldText]] = defaultdict(set)
    for gold in golds:
        by_work[gold.work].add(gold)
    return {gold: answers for work, each in by_work.items() for gold, answers in _find_in(work, each).items()}


def _find_in(work: str, golds: Iterable[GoldText]) -> dict[GoldText, frozenset[int]]:
    where = Where(work_ids=list(_work_names({work}))) if work else EVERYWHERE
    pieces = {gold: _folded_pieces(gold.text) for gold in golds}
    phrases = sorted({piece for each in pieces.values() for piece in each})
    holding: dict[str, list[int]] = {}
    for start in range(0, len(phrases), _PHRASES_AT_ONCE):
        holding |= lexical.find_exact(phrases[start : start + _PHRASES_AT_ONCE], where, limit=MAX_ANSWERS)
    return {
        gold: frozenset(chain.from_iterable(holding.get(piece, ()) for piece in each))
        for gold, each in pieces.items()
    }


def _folded_pieces(text: str) -> list[str]:
    return [folded for piece in split_text(text) if (folded := fold(piece))]


def _work_names(names: set[str]) -> dict[int, tuple[str, ...]]:
    """The works that bear these names, each with all of its own."""
    return {work.pk: work.names for work in Work.objects.named(names).only("title", "aliases")}


def _union(found: Mapping[Key, frozenset[int]], keys: Iterable[Key]) -> frozenset[int]:
    return frozenset(chain.from_iterable(found.get(key, ()) for key in keys))


def _absence(query: Query) -> str:
    wanted = [f"编号 {key}" for key in query.gold_ids]
    wanted += [f"{f'《{gold.work}》' if gold.work else ''}“{gold.text[:20]}”" for gold in query.gold_texts]
    return f"语料里没有它的标准答案：{'、'.join(wanted)}"
