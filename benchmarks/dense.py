"""Decides whether the dense leg is as good as chromadb: time at a recall of 0.95, and rows stored in a second.

``python -m benchmarks.dense [--vectors FILE] [--data FOLDER] [--queries N] [--rounds N]``
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.core_texts import core_rows, core_vectors, query_vectors, store_passages
from benchmarks.corpus import add_data_argument
from benchmarks.database import drop_database, open_database
from benchmarks.environments import CACHE, peer_python
from benchmarks.reporting import Row, argument_parser, print_machine, print_rows, seconds_of

_DATABASE = "guoxue_bench_dense"
_MODEL = "benchmark"
_LIMIT = 20
_EF_SEARCH = 200
# As the pipeline stores them: vectors come from the model in batches of this size.
_STORED_AT_ONCE = 512
_Vectors = NDArray[np.float32]
# Work, section, text.
_Row = tuple[str, str, str]


class Chroma:
    """chromadb in a process and a virtual environment of its own."""

    def __init__(self, vectors: _Vectors, queries: _Vectors, rows: Sequence[_Row], folder: Path) -> None:
        np.save(folder / "vectors.npy", vectors)
        np.save(folder / "queries.npy", queries)
        texts = [(work, text) for work, _, text in rows]
        (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
        python = peer_python("chromadb", Path(__file__).with_name("requirements.txt"))
        script = str(Path(__file__).with_name("chroma_reference.py"))
        files = [str(folder / name) for name in ("vectors.npy", "queries.npy", "texts.json")]
        numbers = ["--limit", str(_LIMIT), "--ef-search", str(_EF_SEARCH), "--batch", str(_STORED_AT_ONCE)]
        self._process = subprocess.Popen(
            [str(python), script, *files, *numbers],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.version = self._read()

    def tell(self, *command: object) -> Any:
        """Send a command and return its answer."""
        assert self._process.stdin
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self._read()

    def close(self) -> None:
        """Let the process end."""
        self._process.communicate(timeout=60)

    def _read(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("The chromadb process has ended; see above.")
        return json.loads(line)


def main() -> int:
    """Fill both, ask both in turns, print the rows; return 1 if a bar is missed."""
    parser = argument_parser(__doc__)
    add_data_argument(parser)
    parser.add_argument("--vectors", type=Path, help="a .npy file of L2-normalised rows instead of our own")
    parser.add_argument("--queries", type=int, default=200, metavar="N")
    parser.add_argument("--rounds", type=int, default=8, metavar="N", help="each query is asked so often")
    options = parser.parse_args()
    open_database(_DATABASE)
    try:
        vectors = np.load(options.vectors) if options.vectors else core_vectors(options.data, cache=CACHE)
        queries = query_vectors(options.data, count=options.queries)
        # chromadb is given the work alone, too.
        rows = [(work, "", text) for work, _, text in core_rows(options.data)[: len(vectors)]]
        return _measure(vectors.astype(np.float32), queries, rows, options.rounds)
    finally:
        drop_database(_DATABASE)


def _measure(vectors: _Vectors, queries: _Vectors, rows: Sequence[_Row], rounds: int) -> int:
    nearest = np.argsort(-(queries @ vectors.T), axis=1)[:, :_LIMIT]
    with tempfile.TemporaryDirectory() as folder:
        chroma = Chroma(vectors, queries, rows, Path(folder))
        print_machine()
        their_vectors = chroma.tell("fill", False)
        filled = _fill(vectors, rows)
        their_texts = chroma.tell("fill", True)
        ours, theirs = _ask_in_turns(chroma, queries, filled.passage_ids, rounds)
        chroma.close()
    count = len(vectors)
    print(
        f"{count} passages stored in {filled.texts_seconds:.1f} s, their vectors in {filled.vectors_seconds:.1f} s, "
        f"HNSW built in {filled.index_seconds:.1f} s, {filled.index_bytes / 2**20:.0f} MB. Vectors alone, with index: "
        f"{count / (filled.vectors_seconds + filled.index_seconds):.0f} rows a second, "
        f"chromadb {chroma.version} {count / their_vectors:.0f}."
    )
    their_p50, our_p50 = (float(np.median(found.seconds)) * 1000 for found in (theirs, ours))
    our_rate, their_rate = count / filled.seconds, count / their_texts
    report = [
        Row("recall@20 against exact", round(theirs.recall(nearest), 3), ours.recall(nearest), 0.95),
        Row(
            "ms of a query, p50 of best rounds", round(their_p50, 2), our_p50, 2 * their_p50, is_ceiling=True
        ),
        Row("passages a second, with index", round(their_rate), our_rate, 3 * their_rate),
    ]
    return 0 if print_rows(f"dense leg, {count} vectors, {len(queries)} queries", report) else 1


class Found:
    """What one side found for each query, and the shortest time that it took in any round."""

    def __init__(self, queries: int) -> None:
        self.seconds = np.full(queries, np.inf)
        self.rows: list[list[int]] = [[] for _ in range(queries)]

    def note(self, query: int, seconds: float, rows: list[int]) -> None:
        """Note one answer."""
        self.seconds[query] = min(self.seconds[query], seconds)
        self.rows[query] = rows

    def recall(self, nearest: NDArray[np.integer]) -> float:
        """Return the share of the truly nearest that was found."""
        shared = [len(set(rows) & set(map(int, true))) for rows, true in zip(self.rows, nearest, strict=True)]
        return sum(shared) / nearest.size


def _ask_in_turns(chroma: Chroma, queries: _Vectors, ids: Sequence[int], rounds: int) -> tuple[Found, Found]:
    """Ask both sides the same queries, some at a time, so that a busy spell hits both."""
    from knowledge.vectors.dense import find_nearest

    ours, theirs = Found(len(queries)), Found(len(queries))
    place = {passage_id: row for row, passage_id in enumerate(ids)}
    for _ in range(rounds):
        for start in range(0, len(queries), 10):
            some = range(start, min(start + 10, len(queries)))
            for query, seconds, rows in zip(some, *chroma.tell("ask", list(some)), strict=True):
                theirs.note(query, seconds, rows)
            for query in some:
                started = perf_counter()
                answer = find_nearest(queries[query], model=_MODEL, work_ids=None, limit=_LIMIT)
                ours.note(query, perf_counter() - started, [place[passage_id] for passage_id in answer])
    return ours, theirs


@dataclass(frozen=True)
class Filled:
    """What filling our side took."""

    passage_ids: list[int]
    texts_seconds: float
    vectors_seconds: float
    index_seconds: float
    index_bytes: int

    @property
    def seconds(self) -> float:
        """All of it: both sides then hold texts, vectors and an index over the vectors."""
        return self.texts_seconds + self.vectors_seconds + self.index_seconds


def _fill(vectors: _Vectors, rows: Sequence[_Row]) -> Filled:
    from django.db import connection

    from knowledge.vectors import vector_index
    from knowledge.vectors.storing import store_vectors

    passage_ids: list[int] = []
    texts_seconds = seconds_of(lambda: passage_ids.extend(store_passages(rows)))

    def store() -> None:
        for start in range(0, len(vectors), _STORED_AT_ONCE):
            stop = start + _STORED_AT_ONCE
            store_vectors(_MODEL, dict(zip(passage_ids[start:stop], vectors[start:stop], strict=True)))

    size = vectors.shape[1]
    vectors_seconds = seconds_of(store)
    index_seconds = seconds_of(
        lambda: vector_index.build_index(_MODEL, dimensions=size, vectors=len(vectors))
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE knowledge_embedding")
        cursor.execute("SELECT pg_relation_size(to_regclass(%s))", [vector_index.index_name(_MODEL, size)])
        index_bytes = int(cursor.fetchone()[0])
    return Filled(passage_ids, texts_seconds, vectors_seconds, index_seconds, index_bytes)


if __name__ == "__main__":
    sys.exit(main())
