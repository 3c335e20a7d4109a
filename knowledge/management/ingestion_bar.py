"""Decides how a terminal shows the loading of sources: bytes with their time to go, passages with their rate."""

from collections.abc import Sequence
from time import perf_counter
from typing import Any

from tqdm import tqdm

from knowledge.formats import Source
from knowledge.progress import Stage


class IngestionBar:
    """A bar over the bytes of all sources, which come one after the other, and another for the index."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sizes = [source.size_bytes for source in sources]
        self._current = 0
        self._bar = tqdm(
            desc="导入", total=sum(self._sizes), unit="B", unit_scale=True, unit_divisor=1024, disable=None
        )
        self._index: tqdm[Any] | None = None
        self._started = perf_counter()
        self._bytes_before = self._records_before = self._records = self._passages = 0

    def close(self) -> None:
        """Leave the bars as they are."""
        if self._index is not None:
            self._index.close()
        self._bar.close()

    def add_passages(self, count: int) -> None:
        """Note that so many more passages are in the corpus."""
        self._passages += count
        rate = self._passages / (perf_counter() - self._started)
        self._bar.set_postfix_str(f"{self._passages} 段，{rate:.0f} 段/秒", refresh=False)

    def show(self, stage: Stage, processed: int, total: int) -> None:
        """Move on; of a source as many bytes count as done as records of it are loaded."""
        if stage == Stage.INDEXING:
            self._show_index(processed, total)
        elif stage == Stage.READING:
            self._bar.set_postfix_str(f"{self._passages} 段，已读 {processed} 条记录")
        elif total > self._records_before:
            share = (processed - self._records_before) / (total - self._records_before)
            self._records = processed
            self._move_to(self._bytes_before + int(share * self._sizes[self._current]))

    def end_source(self) -> None:
        """Count all bytes of the present source as done, and go on to the next."""
        self._bytes_before += self._sizes[self._current]
        self._records_before = self._records
        self._current += 1
        self._move_to(self._bytes_before)

    def _move_to(self, size_bytes: int) -> None:
        self._bar.update(size_bytes - self._bar.n)

    def _show_index(self, processed: int, total: int) -> None:
        if self._index is None:
            self._index = tqdm(desc="索引", unit="段", disable=None)
        self._index.total = total
        self._index.update(processed - self._index.n)
