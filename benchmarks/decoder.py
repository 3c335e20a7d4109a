"""Decides whether our stream of a model's deltas is cheap: CPU time beside the openai SDK's own, and in a naive relay.

``python -m benchmarks.decoder [--streams N] [--deltas N] [--gap SECONDS] [--pairs N]``
"""

import asyncio
import os
import statistics
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import ExitStack
from time import process_time
from typing import TYPE_CHECKING, Self

from benchmarks.relay_peer import RelayPeer
from benchmarks.reporting import Row, argument_parser, print_machine, print_rows
from benchmarks.upstream import scripted_upstream

if TYPE_CHECKING:
    from guoxue.llm import ChatModelClient

_QUESTION = "何谓学？"
_MODEL = "deepseek-chat"


def main() -> int:
    """Let both sides read the same streams in turns; return 1 if a bar is missed."""
    parser = argument_parser(__doc__)
    parser.add_argument("--streams", type=int, default=20, metavar="N", help="at once")
    parser.add_argument("--deltas", type=int, default=200, metavar="N", help="of each stream")
    parser.add_argument("--gap", type=float, default=0.02, metavar="SECONDS", help="between deltas")
    parser.add_argument("--pairs", type=int, default=5, metavar="N")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "guoxue.settings")
    deltas = options.streams * options.deltas
    with ExitStack() as stack:
        upstream = stack.enter_context(scripted_upstream(deltas=options.deltas, gap_seconds=options.gap))
        naive = stack.enter_context(RelayPeer(upstream, "sdk"))
        lent = stack.enter_context(RelayPeer(upstream, "ours"))
        readers = stack.enter_context(_Readers(upstream))
        runs: dict[str, Callable[[int], float]] = {
            "SDK": readers.cpu_of_the_sdk,
            "ours": readers.cpu_of_ours,
            "naive relay": lambda streams: naive.cpu_of(streams, _QUESTION),
            "relay, our decoder": lambda streams: lent.cpu_of(streams, _QUESTION),
        }
        seconds: dict[str, list[float]] = {name: [] for name in runs}
        print_machine()
        for run in runs.values():
            run(1)
        for _ in range(options.pairs):
            for name, run in runs.items():
                seconds[name].append(run(options.streams))
    micros = {name: statistics.median(times) / deltas * 1e6 for name, times in seconds.items()}
    sdk, relay = round(micros["SDK"], 1), round(micros["naive relay"], 1)
    rows = [
        Row("µs CPU a delta: our stream, the SDK's", sdk, micros["ours"], 0.4 * sdk, is_ceiling=True),
        Row("… our stream, the whole naive relay", relay, micros["ours"], 0.3 * relay, is_ceiling=True),
        Row("… relay with our decoder, naive", relay, micros["relay, our decoder"], relay, is_ceiling=True),
    ]
    title = f"{options.streams} streams of {options.deltas} deltas, {options.gap * 1000:g} ms apart, {options.pairs} pairs"
    return 0 if print_rows(title, rows) else 1


class _Readers:
    """Both clients on one event loop, connected and warm, as a server has them."""

    def __init__(self, upstream: str) -> None:
        import openai
        from django.conf import settings

        from guoxue import llm

        settings.LLM_BASE_URL, settings.LLM_API_KEY, settings.LLM_PROVIDERS = upstream, "benchmark", {}
        self._messages = [llm.ChatMessage("user", _QUESTION)]
        self._runner = asyncio.Runner()
        self._sdk = openai.AsyncOpenAI(base_url=upstream, api_key="benchmark")

    def __enter__(self) -> Self:
        self._ours = self._runner.run(_make_client())
        return self

    def __exit__(self, *exception: object) -> None:
        self._runner.run(self._ours.aclose())
        self._runner.run(self._sdk.close())
        self._runner.close()

    def cpu_of_ours(self, streams: int) -> float:
        """Return the CPU seconds of so many streams by our client."""
        return self._runner.run(_cpu_of([self._read_by_ours() for _ in range(streams)]))

    def cpu_of_the_sdk(self, streams: int) -> float:
        """Return the CPU seconds of so many streams as the SDK parses them."""
        return self._runner.run(_cpu_of([self._read_by_the_sdk() for _ in range(streams)]))

    async def _read_by_ours(self) -> None:
        events = self._ours.stream(model=_MODEL, messages=self._messages, max_tokens=1000, temperature=0.5)
        async for _ in events:
            pass

    async def _read_by_the_sdk(self) -> None:
        stream = await self._sdk.chat.completions.create(
            model=_MODEL,
            messages=[{"role": "user", "content": _QUESTION}],
            max_tokens=1000,
            temperature=0.5,
            stream=True,
            stream_options={"include_usage": True},
        )
        async for chunk in stream:
            if chunk.choices:
                assert chunk.choices[0].delta.content is not None


async def _make_client() -> "ChatModelClient":
    from guoxue.llm import ChatModelClient

    return ChatModelClient()


async def _cpu_of(reads: Sequence[Coroutine[None, None, None]]) -> float:
    started = process_time()
    await asyncio.gather(*reads)
    return process_time() - started


if __name__ == "__main__":
    sys.exit(main())
