"""Decides whether loading keeps within its memory: a generated folder of any size, the command's processes watched.

``python -m benchmarks.ingestion_memory [--megabytes N] [--workers N]``
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from time import perf_counter, sleep

from benchmarks.database import drop_database, open_database
from benchmarks.reporting import Row, argument_parser, print_machine, print_rows

_DATABASE = "guoxue_bench_memory"
_BAR_MEGABYTES = 1000.0
_MEGABYTE = 1_000_000
_SECONDS_BETWEEN_LOOKS = 0.1
_CHARACTERS = "".join(chr(0x4E00 + 3 * number) for number in range(5000))
# As in texts that people write, the n-th most frequent character comes up one n-th as often as the first (Zipf).
_WEIGHTS = list(accumulate(1 / (number + 10) for number in range(len(_CHARACTERS))))
# A record that cannot be loaded among so many, so that the report grows, too.
_UNFIT_EVERY = 200


def main() -> int:
    """Generate, load, and print the most memory that the processes had together; return 1 above the bar."""
    parser = argument_parser(__doc__)
    parser.add_argument("--megabytes", type=int, default=1000, metavar="N", help="size of the folder")
    parser.add_argument("--workers", type=int, metavar="N", help="as for ingest_corpus")
    options = parser.parse_args()
    open_database(_DATABASE, is_fresh=True)
    print_machine()
    with tempfile.TemporaryDirectory() as folder:
        size = generate(Path(folder), options.megabytes * _MEGABYTE)
        started = perf_counter()
        peak = _load(Path(folder), options.workers)
    print(f"{size / _MEGABYTE:.0f} MB loaded in {perf_counter() - started:.0f} s.")
    drop_database(_DATABASE)
    row = Row(
        "resident memory of all processes of the command, MB", None, peak, _BAR_MEGABYTES, is_ceiling=True
    )
    return 0 if print_rows(_DATABASE, [row]) else 1


def generate(folder: Path, size_bytes: int) -> int:
    """Write files of several formats and sizes, the largest work a twentieth of all; return their bytes."""
    chance = random.Random(1)
    shares = [0.05, 0.05, *[0.02] * 20, *[0.005] * 100]
    for number, share in enumerate(shares):
        _write(folder, number, int(share * size_bytes), chance)
    return sum(path.stat().st_size for path in folder.iterdir())


def _write(folder: Path, number: int, size_bytes: int, chance: random.Random) -> None:
    lines, suffix = ((_text, "txt"), (_records, "jsonl"), (_markdown, "md"))[number % 3]
    written = 0
    with (folder / f"{number:03}.{suffix}").open("w", encoding="utf-8") as file:
        for line in lines(number, chance):
            written += len(line.encode()) + 1
            file.write(line + "\n")
            if written > size_bytes:
                return


def _text(number: int, chance: random.Random) -> Iterator[str]:
    chapter = 0
    while True:
        chapter += 1
        yield f"第{chapter}回"
        for _ in range(40):
            yield f"　　{_paragraph(chance)}"


def _markdown(number: int, chance: random.Random) -> Iterator[str]:
    yield f"# 书{number}"
    chapter = 0
    while True:
        chapter += 1
        yield f"\n## 第{chapter}章\n"
        for _ in range(40):
            yield f"{_paragraph(chance)}\n"


def _records(number: int, chance: random.Random) -> Iterator[str]:
    count = 0
    while True:
        count += 1
        record = {"work": f"书{number}之{count // 20_000}", "section": f"第{count // 50}章"}
        yield json.dumps(
            record | ({"text": _paragraph(chance)} if count % _UNFIT_EVERY else {}), ensure_ascii=False
        )


def _paragraph(chance: random.Random) -> str:
    sentences = chance.randrange(1, 12)
    return "".join(
        "".join(chance.choices(_CHARACTERS, cum_weights=_WEIGHTS, k=chance.randrange(5, 25))) + "。"
        for _ in range(sentences)
    )


def _load(folder: Path, workers: int | None) -> float:
    """Run the command in processes of its own; return the most that they had in memory together, in MB."""
    arguments = [
        "ingest_corpus",
        str(folder),
        "--no-embed",
        "--verbosity=0",
        f"--report={folder / 'refused.csv'}",
    ]
    arguments += [f"--workers={workers}"] if workers else []
    main = subprocess.Popen(
        [sys.executable, "-m", "django", *arguments],
        stderr=subprocess.PIPE,
    )
    peak: list[int] = []
    while main.poll() is None:
        peak = max(peak, list(map(_resident_bytes, _family(main.pid))), key=sum)
        sleep(_SECONDS_BETWEEN_LOOKS)
    if main.returncode:
        sys.exit(f"The command failed: {main.stderr.read().decode() if main.stderr else ''}")
    print("At the peak, MB for each process:", *(f"{size / _MEGABYTE:.0f}" for size in peak))
    return sum(peak) / _MEGABYTE


def _family(pid: int) -> list[int]:
    """Return the process and those below it; Linux only."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *(each for child in children for each in _family(int(child)))]


def _resident_bytes(pid: int) -> int:
    """Return what the process has in memory, shared pages included; 0 if it has gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    sys.exit(main())
