"""Decides how the model of the benchmarks speaks: DeepSeek's chunks at a steady pace, cheaply, for many at once.

``python -m benchmarks.upstream PORT [--deltas N] [--gap SECONDS] [--distinct]`` serves ``POST …/chat/completions``.
"""

import asyncio
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.reporting import argument_parser
from benchmarks.servers import free_port, running

TEXT = "学而时习"
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
_ENVELOPE = {
    "id": "930c60df-bf64-41c9-a88e-3ec75f81e00e",
    "object": "chat.completion.chunk",
    "created": 1705651092,
    "model": "deepseek-chat",
    "system_fingerprint": "fp_3b524a32bf_prod0623_fp8_kvcache",
}


def main() -> None:
    """Serve until ended."""
    parser = argument_parser(__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("--deltas", type=int, default=200)
    parser.add_argument("--gap", type=float, default=0.02)
    parser.add_argument("--distinct", action="store_true", help="no delta is like another of the same stream")
    options = parser.parse_args()
    asyncio.run(_serve(options.port, options.deltas, options.gap, options.distinct))


@contextmanager
def scripted_upstream(*, deltas: int, gap_seconds: float, is_distinct: bool = False) -> Iterator[str]:
    """Run it as a process of its own; give its base URL."""
    port = free_port()
    arguments = [str(port), "--deltas", str(deltas), "--gap", str(gap_seconds)]
    if is_distinct:
        arguments.append("--distinct")
    with running([sys.executable, "-m", "benchmarks.upstream", *arguments], f"http://127.0.0.1:{port}/"):
        yield f"http://127.0.0.1:{port}/v1"


def distinct_text(deltas: int) -> str:
    """Return what a stream of distinct deltas says in all."""
    return "".join(map(_distinct, range(deltas)))


async def _serve(port: int, deltas: int, gap_seconds: float, is_distinct: bool) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                if head.startswith(b"GET"):
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                    continue
                await reader.readexactly(_content_length(head))
                await _speak(writer, deltas, gap_seconds, is_distinct)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", port)
    await server.serve_forever()


async def _speak(writer: asyncio.StreamWriter, deltas: int, gap_seconds: float, is_distinct: bool) -> None:
    writer.write(_HEAD)
    delta = _event({"choices": [_choice(TEXT, None)]})
    for number in range(deltas):
        writer.write(_event({"choices": [_choice(_distinct(number), None)]}) if is_distinct else delta)
        await asyncio.sleep(gap_seconds)
        if writer.is_closing():
            return
    usage = {"prompt_tokens": 17, "completion_tokens": 3 * deltas, "total_tokens": 17 + 3 * deltas}
    writer.write(_event({"choices": [_choice("", "stop")], "usage": usage}))
    writer.write(_chunk(b"data: [DONE]\n\n") + _chunk(b""))
    await writer.drain()


def _distinct(number: int) -> str:
    return "".join(chr(0x4E00 + (4 * number + place) % 20_000) for place in range(4))


def _choice(text: str, finish_reason: str | None) -> dict[str, Any]:
    return {"index": 0, "delta": {"content": text}, "logprobs": None, "finish_reason": finish_reason}


def _event(payload: dict[str, Any]) -> bytes:
    return _chunk(b"data: " + json.dumps({**_ENVELOPE, **payload}, ensure_ascii=False).encode() + b"\n\n")


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _content_length(head: bytes) -> int:
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line.split(b":")[1])
    return 0


if __name__ == "__main__":
    main()
