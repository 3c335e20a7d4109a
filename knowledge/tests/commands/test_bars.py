"""Whoever waits at a terminal sees how far a command has come; a log sees nothing of it."""

from collections.abc import Iterator
from functools import partial
from io import StringIO
from pathlib import Path

import pytest
from tqdm import tqdm

from knowledge.formats import discover
from knowledge.management import bars, ingestion_bar
from knowledge.management.bars import counting_bar, stage_bars
from knowledge.management.ingestion_bar import IngestionBar
from knowledge.models import IngestionJob
from knowledge.progress import Stage
from knowledge.tests.corpus import write


class Terminal(StringIO):
    """Takes what a terminal would show, and gives the line that stands there now."""

    def isatty(self) -> bool:
        return True

    def line(self) -> str:
        return self.getvalue().rsplit("\r", 1)[-1]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    shown = Terminal()
    for module in (bars, ingestion_bar):
        monkeypatch.setattr(module, "tqdm", partial(tqdm, file=shown, mininterval=0, ncols=100))
    return shown


def test_counting_bar_shows_how_many_of_how_many(terminal: Terminal) -> None:
    with counting_bar("核对", "题") as show:
        show(3, 12)
        begun = terminal.line()
        show(12, 12)

    assert begun.startswith("核对:  25%") and "| 3/12 [" in begun and begun.rstrip().endswith("题/s]")
    assert "| 12/12 [" in terminal.line()


def test_each_stage_has_a_bar_under_its_own_name(terminal: Terminal) -> None:
    with stage_bars() as show:
        show(Stage.FOLDING, 5, 5)
        folded = terminal.line()
        show(Stage.INDEXING, 2, 4)

    assert folded.startswith("折叠文字: 100%") and "| 5/5 [" in folded
    assert "建立索引:  50%" in terminal.getvalue() and "| 2/4 [" in terminal.getvalue()


def test_nothing_is_shown_where_nobody_watches(capsys: pytest.CaptureFixture[str]) -> None:
    with counting_bar("核对", "题") as show:
        show(1, 2)

    assert capsys.readouterr() == ("", "")


def test_jobs_and_terminals_name_the_same_stages() -> None:
    assert IngestionJob._meta.get_field("stage").choices == Stage.choices


@pytest.fixture
def bar(tmp_path: Path, terminal: Terminal) -> Iterator[IngestionBar]:
    """A bar over a source of 100 bytes and one of 300."""
    paths = [write(tmp_path, f"{size}.txt", b"x" * size) for size in (100, 300)]
    shown = IngestionBar(discover(paths))
    yield shown
    shown.close()


def test_bytes_of_a_source_count_as_its_records_are_loaded(bar: IngestionBar, terminal: Terminal) -> None:
    lines = []
    for step in (
        lambda: bar.show(Stage.LOADING, 5, 10),
        lambda: bar.show(Stage.LOADING, 10, 10),
        bar.end_source,
        # Of the second source six records are read, and two of them loaded.
        lambda: bar.show(Stage.LOADING, 10, 16),
        lambda: bar.show(Stage.LOADING, 12, 16),
        bar.end_source,
    ):
        step()
        lines.append(terminal.line().split("| ")[1].split(" ")[0])

    assert lines == ["50.0/400", "100/400", "100/400", "100/400", "200/400", "400/400"]


def test_source_that_is_skipped_or_refused_counts_whole(bar: IngestionBar, terminal: Terminal) -> None:
    bar.end_source()

    assert "| 100/400 [" in terminal.line()


def test_records_read_and_passages_loaded_are_told_beside_the_bytes(
    bar: IngestionBar, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingestion_bar, "perf_counter", lambda: bar._started + 2)

    bar.add_passages(30)
    bar.show(Stage.LOADING, 1, 2)
    loaded = terminal.line()
    bar.show(Stage.READING, 2000, 0)

    assert "30 段，15 段/秒" in loaded
    assert "30 段，已读 2000 条记录" in terminal.line()


def test_index_has_a_bar_of_its_own_below(bar: IngestionBar, terminal: Terminal) -> None:
    bar.show(Stage.INDEXING, 1, 4)

    assert "索引:  25%" in terminal.line()
    assert "| 1/4 [" in terminal.line()
