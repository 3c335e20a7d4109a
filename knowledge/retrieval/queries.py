"""Decides what a query asks for: its quoted phrases, its matter, the books it names, its kind."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from knowledge.folding import fold, fold_characters, is_cjk

MAX_QUERY_CHARACTERS = 500
MIN_LINE_CHARACTERS = 4
_LINE_SHARE = 0.6
# Between quoted words they only join: “礼”和“仁”.
_JOINTS = frozenset("和与及或跟同")

_QUOTED = re.compile(r"「([^「」]+)」|『([^『』]+)』|“([^“”]+)”|‘([^‘’]+)’|《([^《》]+)》|\"([^\"]+)\"")
# What surrounds the matter of a question; longer phrases first. Written folded.
_QUESTION_WORDS = re.compile(
    "|".join(
        (
            "出自(?:于)?(?:哪里|哪儿|何处|何书|哪本书|哪部书|哪部典籍|哪一篇|哪篇|哪首诗|哪首词|什么书)",
            "(?:语出|典出|源自|来自)(?:哪里|何处)|(?:的)?出处(?:是)?(?:哪里|什么)?|出自",
            "是谁(?:说|写|作|讲)的|谁(?:说|写|作|讲)的|作者是谁|是哪(?:位|个)诗人(?:写)?的?",
            "(?:是)?什么意思|的意思(?:是什么)?|意思是什么|的含义(?:是什么)?|(?:有)?何含义",
            "(?:应该|该|应当)?(?:怎么|怎样|如何|应如何)(?:理解|解释|看待|解读|翻译)?",
            "上下文(?:是什么)?|(?:的)?(?:上|下|前|后)一?句(?:是什么)?|全文|原文(?:是什么)?",
            "这(?:句话|句诗|首诗|首词|段话|一句|句)|那句话|一句话|哪(?:一)?(?:句|章|篇|首|部|本|个|种|位|儿|里|些)",
            "(?:请)?(?:告诉我|解释一下|解释|翻译一下|翻译|讲讲|谈谈|说说|介绍一下|介绍)|请问|我想(?:知道|了解)",
            "是什么|有什么|有哪些|什么(?:是|叫)?|为什么|为何|何谓|多少|谁|吗|呢|请",
        )
    )
)
_QUESTION_MARKS = re.compile("[?？]|什么|怎么|怎样|如何|哪|谁|吗|为何|多少|出处|出自|几|何谓|何为|请问")


class QueryKind(StrEnum):
    """What the query is like, as an operator is told; its candidates are scored alike whatever it is (ADR 2)."""

    LINE = "line"
    QUESTION = "question"
    STATEMENT = "statement"

    @property
    def label(self) -> str:
        """The kind in Chinese."""
        return {"line": "半句寻句", "question": "提问", "statement": "陈述"}[self.value]


@dataclass(frozen=True)
class ParsedQuery:
    """A query taken apart; all but ``text`` is folded, ``folded`` is the whole of it."""

    text: str
    folded: str
    kind: QueryKind
    phrases: tuple[str, ...]
    segments: tuple[str, ...]
    titles: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """What is looked up literally first: long quoted phrases, or a query that is one line."""
        quoted = tuple(phrase for phrase in self.phrases if len(phrase) >= MIN_LINE_CHARACTERS)
        if quoted:
            return quoted
        longest = max(self.segments, key=len, default="")
        total = sum(map(len, self.segments))
        is_line = len(longest) >= MIN_LINE_CHARACTERS and len(longest) >= _LINE_SHARE * total
        return (longest,) if is_line else ()


def parse_query(query: str, *, literal: bool = False) -> ParsedQuery:
    """Take the query apart; only its first 500 characters count. ``literal`` searches every word of it."""
    text = " ".join(query.split())[:MAX_QUERY_CHARACTERS]
    if literal:
        folded = fold(text)
        return ParsedQuery(text, folded, QueryKind.LINE, (), (folded,) if folded else (), ())
    quoted = [
        next(group for group in match.groups() if group is not None) for match in _QUOTED.finditer(text)
    ]
    titles = tuple(_unique(_titles_in(text)))
    phrases = tuple(_unique(folded for folded in map(fold, quoted) if folded and folded not in titles))
    rest = _QUOTED.sub("\n", text)
    is_question = bool(_QUESTION_MARKS.search(fold_characters(rest)))
    matter = (piece for piece in _matter(rest) if not (phrases and piece in _JOINTS))
    segments = tuple(_unique((*phrases, *titles, *matter)))
    kind = QueryKind.QUESTION if is_question else QueryKind.STATEMENT
    return ParsedQuery(text, fold(text), kind, phrases, segments, titles)


def named_in(parsed: ParsedQuery, folded_names: Iterable[str]) -> bool:
    """Tell whether the query has one of a book's names: in 《》, or from two characters on anywhere."""
    return any(name in parsed.titles or (len(name) >= 2 and name in parsed.folded) for name in folded_names)


def _titles_in(text: str) -> Iterable[str]:
    """The folded parts of every 《书·篇》."""
    for title in re.findall(r"《([^《》]+)》", text):
        yield from filter(None, map(fold, re.split(r"[·・•]", title)))


def _matter(rest: str) -> list[str]:
    """Split what is outside the quotation marks at question words; punctuation alone does not split."""
    kept = "".join(
        character if is_cjk(character) or character == "\n" else " " for character in fold_characters(rest)
    )
    pieces = re.split(r"\n", _QUESTION_WORDS.sub("\n", kept.replace(" ", "")))
    return [piece for piece in pieces if piece]


def _unique(items: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(items))
