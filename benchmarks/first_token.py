"""Decides how much later a reader sees the first words than somebody who asks the model directly.

``python -m benchmarks.first_token [--questions N]``; a corpus of 25 000 passages with vectors, nobody else asking.
"""

import asyncio
import statistics
import sys
import time
from typing import TYPE_CHECKING

from benchmarks.corpus import BenchCorpus, add_data_argument, fill_vectors, ingest
from benchmarks.database import open_database, read_note, write_note
from benchmarks.engine import Engine, Heard, make_conversations, never_asked
from benchmarks.reporting import Row, argument_parser, print_machine, print_rows, print_table
from benchmarks.upstream import scripted_upstream

if TYPE_CHECKING:
    from guoxue.llm import ChatModelClient

_PASSAGES = 25_000
_BAR_MS = 60
_QUESTIONS = (
    "何谓学？",
    "孔子怎样看待富贵？",
    "孟子为什么说人性善？",
    "老子讲的无为是什么意思？",
    "史记怎样写项羽的最后？",
    "怎样理解知行合一？",
    "庄子为什么羡慕鱼？",
    "大学之道说的是什么？",
)


def main() -> int:
    """Ask one question after the other, and the model alone in turns; return 1 if the bar is missed."""
    parser = argument_parser(__doc__)
    add_data_argument(parser)
    parser.add_argument("--questions", type=int, default=60, metavar="N")
    options = parser.parse_args()
    corpus = BenchCorpus(options.data, is_core=False, passages=_PASSAGES)
    open_database(corpus.name)
    if read_note() != corpus.name:
        ingest(corpus)
        write_note(corpus.name)
    fill_vectors(corpus)
    print_machine()
    with scripted_upstream(deltas=5, gap_seconds=0.02) as upstream, Engine("daphne", upstream) as engine:
        heard, direct = asyncio.run(_ask(engine, upstream, options.questions))
    return _report(heard, direct)


async def _ask(engine: Engine, upstream: str, count: int) -> tuple[list[Heard], list[float]]:
    from django.conf import settings

    from guoxue import llm

    settings.LLM_BASE_URL, settings.LLM_API_KEY, settings.LLM_PROVIDERS = upstream, "benchmark", {}
    client = llm.ChatModelClient()
    warm = len(_QUESTIONS)
    conversations = await asyncio.to_thread(make_conversations, count + warm)
    heard, direct = [], []
    for number, conversation in enumerate(conversations):
        heard.append(await engine.ask(conversation, never_asked(_QUESTIONS[number % warm])))
        direct.append(await _first_delta(client))
    await client.aclose()
    return heard[warm:], direct[warm:]


async def _first_delta(client: "ChatModelClient") -> float:
    from guoxue import llm

    messages = [llm.ChatMessage("user", _QUESTIONS[0])]
    started, first = time.monotonic(), 0.0
    async for _ in client.stream(model="deepseek-chat", messages=messages, max_tokens=100, temperature=0.5):
        first = first or time.monotonic() - started
    return first


def _report(heard: list[Heard], direct: list[float]) -> int:
    def median(*times: float) -> float:
        return 1000 * statistics.median(times)

    accepted = [each.after["accepted"][0] for each in heard]
    sources = [each.after["sources"][0] for each in heard]
    first = [each.after["delta"][0] for each in heard]
    between = zip(accepted, sources, first, strict=True)
    grounded, asked = zip(*((second - one, third - second) for one, second, third in between), strict=True)
    print_table(
        ("part", "p50 ms"),
        [
            ("question accepted: saved, moderated, held", f"{median(*accepted):.1f}"),
            ("context, retrieval, sources saved", f"{median(*grounded):.1f}"),
            ("the model's first delta, screened", f"{median(*asked):.1f}"),
            ("the model alone", f"{median(*direct):.1f}"),
        ],
    )
    added = median(*first) - median(*direct)
    rows = [Row("added to the first token, p50 ms", None, added, _BAR_MS, is_ceiling=True)]
    return 0 if print_rows(f"{len(heard)} questions, {_PASSAGES} passages", rows) else 1


if __name__ == "__main__":
    sys.exit(main())
