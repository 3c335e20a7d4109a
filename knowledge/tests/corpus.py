"""A small corpus, and an embedder whose vectors a test can foresee, for the tests of this app."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from knowledge.errors import CorpusFileRefused, EmbeddingUnavailable
from knowledge.folding import fold
from knowledge.formats import discover
from knowledge.index.postings import split_pairs
from knowledge.index.segments import take_snapshot
from knowledge.ingestion import loading
from knowledge.models import Passage
from knowledge.retrieval import lexical

LUNYU = """---
title: 论语
aliases: 论、语录
author: 孔子弟子
dynasty: 春秋
category: 经部
edition: 通行本
license: 公有领域
---
## 学而

子曰：“学而时习之，不亦说乎？有朋自远方来，不亦乐乎？”

曾子曰：“吾日三省吾身。”

## 为政

子曰：“吾十有五而志于学，三十而立。”

子曰：“温故而知新，可以为师矣。”

子曰：“学而不思则罔，思而不学则殆。”

子曰：“知之为知之，不知为不知，是知也。”
"""

DAODEJING = """---
title: 道德经
aliases: 老子
author: 老子
dynasty: 春秋
category: 子部
---
## 第一章

道可道，非常道；名可名，非常名。

## 第八章

上善若水。水善利万物而不争，处众人之所恶，故几于道。

## 第三十三章

知人者智，自知者明。胜人者有力，自胜者强。
"""

POEMS = """---
title: 唐诗选
category: 集部
dynasty: 唐
---
## 静夜思 {author=李白 dynasty=唐}

床前明月光，疑是地上霜。
举头望明月，低头思故乡。

## 登鹳雀楼 {author=王之涣 dynasty=唐}

白日依山尽，黄河入海流。
欲穷千里目，更上一层楼。
"""


class FakeEmbedder:
    """Hashes bigrams into a vector: texts that share characters are near each other."""

    name = "fake-model"
    dimensions = 64

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        self.embedded += texts
        return np.array([self._vector(text) for text in texts], np.float32)

    def embed_query(self, text: str) -> np.ndarray:
        return self._vector(text)

    def _vector(self, text: str) -> np.ndarray:
        vector = np.full(self.dimensions, 0.01, np.float32)
        folded = fold(text)
        for term in split_pairs(folded) or [folded]:
            vector[sum(term.encode()) % self.dimensions] += 1
        return vector / np.linalg.norm(vector)


class BrokenEmbedder(FakeEmbedder):
    """Gives no vectors."""

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        raise EmbeddingUnavailable

    def embed_query(self, text: str) -> np.ndarray:
        raise EmbeddingUnavailable


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def ingest_file(
    *,
    path: Path,
    work_title: str = "",
    edition: str = "",
    dry_run: bool = False,
    listener: loading.IngestionListener | None = None,
) -> loading.IngestionResult:
    """Load a single file; raises ``CorpusFileRefused`` when it cannot be read or holds no text."""
    result = loading.ingest_sources(
        sources=discover([path]),
        work_title=work_title,
        edition=edition,
        dry_run=dry_run,
        listener=listener or loading.IngestionListener(),
    )
    for _source, message in result.failed:
        raise CorpusFileRefused(message)
    return result


def load(folder: Path, *contents: str) -> None:
    """Load Markdown texts into the corpus."""
    for number, content in enumerate(contents):
        ingest_file(path=write(folder, f"{number}.md", content))


def use_embedder(monkeypatch, embedder: FakeEmbedder) -> FakeEmbedder:
    """Put an embedder at the one door through which all vectors come."""
    monkeypatch.setattr("knowledge.embeddings.get_embedder", lambda: embedder)
    monkeypatch.setattr("knowledge.embeddings.current_model", lambda: embedder.name)
    return embedder


def assert_index_is_true() -> None:
    """Every passage is found by each pair of its text, and the index holds no passage that has gone."""
    snapshot = take_snapshot()
    pairs = {pair for text in Passage.objects.values_list("folded", flat=True) for pair in split_pairs(text)}
    found = lexical.find_exact(list(pairs), limit=10_000)
    for pair in pairs:
        having = Passage.objects.filter(folded__contains=pair).values_list("pk", flat=True)
        assert set(found[pair]) == set(having)
    assert set(snapshot.passage_ids.tolist()) == set(Passage.objects.values_list("pk", flat=True))
