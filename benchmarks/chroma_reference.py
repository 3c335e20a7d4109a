"""Decides nothing for the product: chromadb as a process of its own, which ``benchmarks.dense`` talks to.

Commands come one a line on the standard input, answers go one a line to the standard output, both as JSON:
``["fill", with texts?]`` → seconds, ``["ask", [rows of the query file]]`` → [[seconds…], [[row ids]…]].
It runs in another virtual environment and imports nothing of the project.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import chromadb
import numpy as np


def main() -> None:
    """Serve the commands until the standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vectors", type=Path)
    parser.add_argument("queries", type=Path)
    parser.add_argument("texts", type=Path, help="a JSON list of [work, text]")
    parser.add_argument("--limit", type=int, required=True)
    parser.add_argument("--ef-search", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    options = parser.parse_args()
    vectors, queries = np.load(options.vectors), np.load(options.queries)
    texts = json.loads(options.texts.read_text(encoding="utf-8"))
    configuration: Any = {"hnsw": {"space": "cosine", "ef_search": options.ef_search}}
    with tempfile.TemporaryDirectory() as folder:
        client = chromadb.PersistentClient(folder, chromadb.Settings(anonymized_telemetry=False))
        print(json.dumps(chromadb.__version__), flush=True)
        for line in sys.stdin:
            command, *arguments = json.loads(line)
            if command == "fill":
                with_texts = arguments[0]
                collection = client.create_collection(
                    f"vectors-{with_texts}", configuration=configuration, embedding_function=None
                )
                answer: object = _fill(collection, vectors, texts if with_texts else None, options.batch)
            else:
                answer = _ask(collection, queries, arguments[0], options.limit)
            print(json.dumps(answer), flush=True)


def _fill(collection: Any, vectors: np.ndarray, texts: list[list[str]] | None, batch: int) -> float:
    started = perf_counter()
    for start in range(0, len(vectors), batch):
        rows = vectors[start : start + batch]
        more: dict[str, Any] = {}
        if texts:
            some = texts[start : start + batch]
            more = {
                "documents": [text for _, text in some],
                "metadatas": [{"work": work} for work, _ in some],
            }
        collection.add(ids=[str(start + place) for place in range(len(rows))], embeddings=rows, **more)
    return perf_counter() - started


def _ask(collection: Any, queries: np.ndarray, rows: list[int], limit: int) -> list[list[Any]]:
    seconds, found = [], []
    for row in rows:
        started = perf_counter()
        answer = collection.query(query_embeddings=[queries[row]], n_results=limit, include=["distances"])
        seconds.append(perf_counter() - started)
        found.append([int(key) for key in answer["ids"][0]])
    return [seconds, found]


if __name__ == "__main__":
    main()
