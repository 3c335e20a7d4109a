"""Decides whether the quotation check is sure and quick: replies of 2 000 characters against the whole corpus.

``python -m benchmarks.quotes core|full [--data FOLDER] [--passages N] [--replies N]``
"""

import random
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.corpus import add_corpus_arguments, open_corpus
from benchmarks.reporting import Row, argument_parser, print_machine, print_rows

if TYPE_CHECKING:
    from knowledge.quotes import QuoteCheck

_SEED = 20
_QUOTATIONS = 20
_REPLY_CHARACTERS = 2_000
_ALTERED_SHARE = 0.25
_CLAUSE = re.compile(r"[^，。！？；：“”‘’「」『』《》、（）\s]+")
_LENGTHS = range(5, 41)
_FORMS = (
    "《{work}》说：“{quote}。”",
    "“{quote}”（《{work}》）",
    "「{quote}」，这一句出自《{work}》。",
    "古人云：“{quote}。”",
)
_PROSE = (
    "这段话说明了学习与思考之间的关系，对于今天的我们来说仍然具有启发意义，值得反复体会。",
    "要理解它，需要结合当时的历史背景和作者的经历来看，不能只停留在字面的意思上。",
    "后来的许多学者都谈到过这个问题，他们的看法虽然不完全一样，但大体上是相通的。",
)


@dataclass(frozen=True)
class Planted:
    """A quotation of a reply, and how many of its characters were altered."""

    text: str
    alterations: int


@dataclass(frozen=True)
class Reply:
    """A reply as a model might write it, with what it quotes."""

    text: str
    planted: tuple[Planted, ...]


def main() -> int:
    """Check every reply once, warm, and print the bars; return 1 if one is missed."""
    parser = argument_parser(__doc__)
    add_corpus_arguments(parser)
    parser.add_argument("--replies", type=int, default=100, metavar="N")
    options = parser.parse_args()
    corpus = open_corpus(options, with_vectors=False)
    from knowledge.quotes import check_quotes

    replies = list(_write_replies(options.replies))
    for reply in replies[:10]:
        check_quotes(reply.text)
    print_machine()
    checked: list[list[QuoteCheck]] = []
    times: list[float] = []
    for reply in replies:
        started = perf_counter()
        checked.append(check_quotes(reply.text))
        times.append(1000 * (perf_counter() - started))
    times.sort()
    rows = _verdict_rows(replies, checked)
    rows += [
        Row("p50_ms", None, times[len(times) // 2], 50, is_ceiling=True),
        Row("p95_ms", None, times[int(0.95 * (len(times) - 1))], 50, is_ceiling=True),
    ]
    return 0 if print_rows(f"{corpus.name}, {len(replies)} replies", rows) else 1


def _write_replies(count: int) -> Iterator[Reply]:
    from knowledge.models import Passage

    chance = random.Random(_SEED)
    ids = list(
        Passage.objects.filter(kind="root", length__gte=12).order_by("pk").values_list("pk", flat=True)
    )
    chosen = chance.sample(ids, min(len(ids), 3 * count * _QUOTATIONS))
    passages = Passage.objects.filter(pk__in=chosen).select_related("work").order_by("pk")
    lines = [(passage.work.title, line) for passage in passages if (line := _pick_line(passage.text, chance))]
    characters = "".join(line for _, line in lines)
    chance.shuffle(lines)
    for start in range(0, count * _QUOTATIONS, _QUOTATIONS):
        yield _write_reply(lines[start : start + _QUOTATIONS], characters, chance)


def _write_reply(lines: Sequence[tuple[str, str]], characters: str, chance: random.Random) -> Reply:
    paragraphs: list[str] = []
    planted: list[Planted] = []
    for work, line in lines:
        wanted = 0 if chance.random() > _ALTERED_SHARE else min(3, len(line) // 4, chance.randint(1, 3))
        quote = line
        for _ in range(wanted):
            quote = _alter(quote, characters, chance)
        planted.append(Planted(quote, wanted if quote != line else 0))
        paragraphs.append(chance.choice(_FORMS).format(work=work, quote=quote) + chance.choice(_PROSE))
    text = "\n\n".join(paragraphs)
    return Reply(text + chance.choice(_PROSE) * ((_REPLY_CHARACTERS - len(text)) // 40), tuple(planted))


def _pick_line(text: str, chance: random.Random) -> str:
    """Choose one to three clauses in a row, with their punctuation; "" if they are too long or too short."""
    clauses = list(_CLAUSE.finditer(text))
    first = chance.randrange(len(clauses)) if clauses else 0
    last = min(len(clauses), first + chance.randint(1, 3)) - 1
    line = text[clauses[first].start() : clauses[last].end()] if clauses else ""
    return (
        line
        if len(line) in _LENGTHS and "\n" not in line and not re.search("[“”‘’「」『』《》（）]", line)
        else ""
    )


def _alter(quote: str, characters: str, chance: random.Random) -> str:
    """Make one character wrong, missing or added, or swap two neighbours."""
    place = chance.choice([index for index, each in enumerate(quote) if _CLAUSE.match(each)])
    stranger = chance.choice(characters)
    return chance.choice(
        (
            quote[:place] + stranger + quote[place + 1 :],
            quote[:place] + quote[place + 1 :],
            quote[:place] + stranger + quote[place:],
            quote[:place] + quote[place : place + 2][::-1] + quote[place + 2 :],
        )
    )


def _verdict_rows(replies: Sequence[Reply], checked: "Sequence[Sequence[QuoteCheck]]") -> list[Row]:
    from knowledge.folding import fold
    from knowledge.retrieval import lexical

    verdicts: dict[bool, list[str | None]] = {True: [], False: []}
    altered = {fold(each.text) for reply in replies for each in reply.planted if each.alterations}
    by_chance = lexical.find_exact(sorted(altered), limit=1)
    for reply, checks in zip(replies, checked, strict=True):
        found = {fold(check.quote): check.verdict for check in checks}
        for planted in reply.planted:
            if not planted.alterations or fold(planted.text) not in by_chance:
                verdicts[bool(planted.alterations)].append(found.get(fold(planted.text)))
    true, forged = verdicts[False], verdicts[True]
    print(f"{len(true)} true quotations, {len(forged)} altered by one to three characters.")
    return [
        Row("true called exact", None, true.count("exact") / len(true), 0.99),
        Row("altered called exact", None, forged.count("exact"), 0, is_ceiling=True),
        Row("altered called near", None, forged.count("near") / len(forged), 0.97),
    ]


if __name__ == "__main__":
    sys.exit(main())
