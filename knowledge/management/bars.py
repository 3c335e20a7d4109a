"""Decides how a terminal shows how far a command has come: a bar for each step, none where nobody watches."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from tqdm import tqdm

from knowledge.progress import Progress, Stage


@contextmanager
def counting_bar(label: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Show one bar; what is yielded takes how many are done, and of how many."""
    with tqdm(desc=label, unit=unit, disable=None) as shown:

        def show(processed: int, total: int) -> None:
            shown.total = total
            shown.update(processed - shown.n)

        yield show


@contextmanager
def stage_bars() -> Iterator[Progress]:
    """Show a bar of passages for each stage, from its first report on."""
    with ExitStack() as stack:
        bars: dict[Stage, Callable[[int, int], None]] = {}

        def show(stage: Stage, processed: int, total: int) -> None:
            if stage not in bars:
                bars[stage] = stack.enter_context(counting_bar(stage.label, "段"))
            bars[stage](processed, total)

        yield show
