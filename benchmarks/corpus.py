"""Decides how the benchmark's corpus gets into a database of its own: by the product's ingestion, once.

``python -m benchmarks.corpus core|full [--data FOLDER] [--passages N] [--no-vectors]``
"""

import argparse
import gzip
import json
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from benchmarks.core_texts import core_rows, core_vectors
from benchmarks.database import open_database, read_note, write_note
from benchmarks.environments import CACHE
from benchmarks.reporting import argument_parser

_ROOT = Path(__file__).resolve().parent.parent
# Sections of the benchmark with a longer title exist; the product refuses them.
_MAX_SECTION_TITLE = 200


@dataclass(frozen=True)
class BenchCorpus:
    """Which passages are measured: the core's 20 000 or all 377 000, or so many of them for development."""

    data: Path
    is_core: bool
    passages: int | None = None

    @property
    def name(self) -> str:
        """The name of its database."""
        size = "core" if self.is_core else "full"
        return f"guoxue_bench_{size}" + (f"_{self.passages}" if self.passages else "")

    @property
    def passages_file(self) -> Path:
        """The benchmark's passages."""
        return self.data / "passages.jsonl.gz"

    @property
    def query_files(self) -> list[Path]:
        """The benchmark's queries, one file for each kind; only the dev split is at hand."""
        return sorted(self.data.glob("queries_*.jsonl"))

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield the passages, those that answer a query first where only some of them are taken."""
        if self.passages is None:
            yield from self._all_rows()
            return
        gold = self._gold_ids()
        kept = {row["id"] for row in self._all_rows() if row["id"] in gold}
        room = self.passages - len(kept)
        for row in self._all_rows():
            if row["id"] in kept or room > 0:
                room -= row["id"] not in kept
                yield row

    def _all_rows(self) -> Iterator[dict[str, Any]]:
        with gzip.open(self.passages_file, "rt", encoding="utf-8") as file:
            for row in map(json.loads, file):
                if not self.is_core or row.get("core"):
                    yield row

    def _gold_ids(self) -> set[int]:
        rows = (json.loads(line) for path in self.query_files for line in path.open(encoding="utf-8"))
        return {key for row in rows for key in row["gold"]}


def add_corpus_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that choose the corpus."""
    parser.add_argument("corpus", choices=["core", "full"])
    add_data_argument(parser)
    parser.add_argument("--passages", type=int, metavar="N", help="only so many passages, for development")
    parser.add_argument("--fresh", action="store_true", help="fill the database anew")


def add_data_argument(parser: argparse.ArgumentParser) -> None:
    """Add the argument that says where the benchmark's data lie."""
    parser.add_argument(
        "--data",
        type=Path,
        default=_ROOT.parent / "shared" / "data" / "bench",
        help="folder with passages.jsonl.gz and queries_*.jsonl",
    )


def open_corpus(options: argparse.Namespace, *, with_vectors: bool) -> BenchCorpus:
    """Open the corpus's database, and fill it where it is not filled yet."""
    corpus = BenchCorpus(options.data, options.corpus == "core", options.passages)
    if not corpus.passages_file.is_file():
        raise SystemExit(f"{corpus.passages_file} is not there; say where it is with --data.")
    open_database(corpus.name, is_fresh=options.fresh)
    note = f"{corpus.name}: {corpus.passages_file.stat().st_size} bytes"
    if read_note() != note:
        ingest(corpus)
        write_note(note)
    if with_vectors:
        fill_vectors(corpus)
    return corpus


def ingest(corpus: BenchCorpus) -> None:
    """Bring the corpus in by the product's own command, a file for each work."""
    from django.core.management import call_command

    started = perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        count = write_works(corpus, Path(folder))
        said = StringIO()
        call_command("ingest_corpus", folder, no_embed=True, stdout=said)
    print("\n".join(line for line in said.getvalue().splitlines() if "拒绝" in line))
    _vacuum()
    print(f"{count} passages ingested in {perf_counter() - started:.0f} s into {corpus.name}.")


def fill_vectors(corpus: BenchCorpus) -> None:
    """Give every passage that has none a vector, as ``embed_corpus`` does.

    Those of the core by the bundled model are kept under ``var/``, whatever becomes of the database.
    """
    from knowledge import embeddings
    from knowledge.vectors import filling, starter_vectors, storing

    if not storing.count_missing(embeddings.current_model()):
        return
    is_kept = corpus.is_core and embeddings.current_model() == embeddings.BUNDLED_MODEL
    known = _known_vectors(corpus) if is_kept else {}
    with patch.object(starter_vectors, "load_starter_vectors", lambda model: known):
        stored = filling.embed_missing()
    filling.complete_models()
    _vacuum()
    print(f"{stored} vectors stored.")


def _known_vectors(corpus: BenchCorpus) -> dict[str, NDArray[np.float16]]:
    """Return the vectors of the core by the hash of what was embedded."""
    from knowledge.embeddings import passage_input
    from knowledge.outlining.outline import hash_text

    rows = core_rows(corpus.data)
    inputs = (passage_input(work=work, section=section, text=text) for work, section, text in rows)
    kept = core_vectors(corpus.data, cache=CACHE)
    return dict(zip(map(hash_text, inputs), kept, strict=True))


def write_works(corpus: BenchCorpus, folder: Path) -> int:
    """Write the corpus as JSON lines, a file for each work; return how many passages it has."""
    works: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in corpus.rows():
        section = row["chapter"][:_MAX_SECTION_TITLE]
        works[row["book"]].append({"work": row["book"], "section": section, "text": row["text"]})
    for number, rows in enumerate(works.values(), 1):
        lines = (json.dumps(row, ensure_ascii=False) for row in rows)
        (folder / f"{number:03}.jsonl").write_text("\n".join(lines), "utf-8")
    return sum(map(len, works.values()))


def _vacuum() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def main() -> None:
    """Fill the database that the other benchmarks read."""
    parser = argument_parser(__doc__)
    add_corpus_arguments(parser)
    parser.add_argument("--no-vectors", action="store_true")
    options = parser.parse_args()
    open_corpus(options, with_vectors=not options.no_vectors)


if __name__ == "__main__":
    main()
