"""Decides how a text becomes passages: whole when it fits, else cut at sentence ends, nothing lost."""

import re
from collections.abc import Sequence

from knowledge.folding import fold_characters, is_cjk
from knowledge.outlining.metre import couplet_step, find_couplets

# What fits: with its work, section and lead it stays below the 512 tokens of the usual embedding models.
MAX_CHARACTERS = 400
# Lines of a 章 that does not fit are gathered to about so many: enough to be understood, few enough to be found.
GROUP_CHARACTERS = 160
MAX_LEAD_CHARACTERS = 60

_CLOSERS = "[」』”’》〉）)\\]】〕\"']*"
_REMARK = "(?:[(（][^()（）]{1,60}[)）])?"
_FINAL = f"[。！？!?…]+{_CLOSERS}{_REMARK}"
# A sentence ends with its mark, with the quotation marks and brackets that close after it and an editor's
# remark; or with its line, unless that ends with a comma: then it is the first half of a couplet.
_SENTENCE = re.compile(rf".*?(?:{_FINAL}[ 　]*\n?|(?<![，、；：,;:\n])\n+|$)", re.DOTALL)
# Tried at the first of several marks only, and without going back: hostile text must not cost its square.
_FINISHED = re.compile(rf"(?<![。！？!?…])[。！？!?…]++{_CLOSERS}+{_REMARK}\s*$")
# In a couplet set in two lines the first one ends so.
_HALF = re.compile(r"[，,、；;：:]\s*$")
# Where a sentence that is too long is cut, from the best place to the worst.
_BREAKS = tuple(
    re.compile(rf".*?(?:{marks}{_CLOSERS}\s*|$)", re.DOTALL)
    for marks in ("[；;]+", "[，,、：:．·]+", r"[ 　\n]+")
)
_OPENING_MARK, _CLOSING_MARK = re.compile("[「『“‘]"), re.compile("[」』”’]")
_PUNCTUATED_SHARE = 0.6


def split_text(text: str, *, max_characters: int = MAX_CHARACTERS) -> list[str]:
    """Cut a long text into pieces of at most ``max_characters``, as few and as even as sentences allow.

    Neither a quotation that fits is torn nor a couplet of verse in even metre (``find_couplets``), however it is
    marked; unmarked and unbroken verse must be 四言, 五言 or 七言 throughout (``couplet_step``). A sentence that
    is itself too long is cut at its semicolons, else at its commas, else at its spaces, else in the middle of
    nowhere. The pieces join to the text.
    """
    if len(text) <= max_characters:
        return [text]
    sentences = _join_couplets(_split(_SENTENCE, text))
    sentences = [
        "".join(sentences[start:stop]) for start, stop in _whole_sentences(sentences, max_characters)
    ]
    parts = [part for sentence in sentences for part in _shorten(sentence, max_characters)]
    units = _join_quotations(parts, max_characters)
    runs = _share_out(list(map(len, units)), max_characters)
    return _join_wordless(["".join(units[start:stop]) for start, stop in runs])


def group_lines(
    lines: Sequence[str], *, max_characters: int = MAX_CHARACTERS, group_characters: int = GROUP_CHARACTERS
) -> list[tuple[int, int]]:
    """Group the lines of one 章, as half-open ranges: all of them if they fit, else few and even groups.

    Lines are joined by a line break, which counts. A line that ends in the middle of its sentence stays with
    the next where both fit, and so do the lines of a couplet in even metre (``find_couplets``), however they
    end; a line longer than ``group_characters`` stands alone.
    """
    if sum(map(len, lines)) + len(lines) - 1 <= max_characters:
        return [(0, len(lines))] if lines else []
    ended = [f"{line}\n" for line in lines]
    couplets = find_couplets(ended)
    sentences = _whole_sentences(["".join(ended[first:last]) for first, last in couplets], max_characters)
    units = [(couplets[first][0], couplets[last - 1][1]) for first, last in sentences]
    lengths = [sum(map(len, ended[first:last])) for first, last in units]
    # The last line of a group has no line break after it.
    groups = _share_out(lengths, group_characters + 1)
    return [(units[first][0], units[last - 1][1]) for first, last in groups]


def lead_of(previous_text: str) -> str:
    """Return the last sentence of the piece before, folded, to be embedded with the piece that continues it.

    Of a sentence longer than ``MAX_LEAD_CHARACTERS`` only the last clauses that fit; "" for no text.
    """
    sentence = next(reversed(_split(_SENTENCE, previous_text.strip())), "").strip()
    while len(sentence) > MAX_LEAD_CHARACTERS:
        clauses = _split(_BREAKS[1], sentence)
        sentence = "".join(clauses[1:]) if len(clauses) > 1 else sentence[-MAX_LEAD_CHARACTERS:]
    return fold_characters(sentence)


def _split(pattern: re.Pattern[str], text: str) -> list[str]:
    return [part for part in pattern.findall(text) if part]


def _shorten(sentence: str, max_characters: int, level: int = 0) -> list[str]:
    """Cut a sentence that is too long at the best breaks that it has."""
    if len(sentence) <= max_characters:
        return [sentence]
    if level == len(_BREAKS):
        return _cut_unmarked(sentence, max_characters)
    parts = _join_couplets(_split(_BREAKS[level], sentence))
    return [piece for part in parts for piece in _shorten(part, max_characters, level + 1)]


def _cut_unmarked(text: str, max_characters: int) -> list[str]:
    """Cut where a couplet would end, were it verse; else evenly."""
    length = sum(map(is_cjk, text))
    step = couplet_step(length, max_characters)
    if not step or not all(map(is_cjk, text[:length])):
        size = -(-len(text) // -(-len(text) // max_characters))
        return [text[start : start + size] for start in range(0, len(text), size)]
    ends = [*range(step, length, step), len(text)]
    return [text[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def _join_couplets(units: Sequence[str]) -> list[str]:
    return ["".join(units[start:stop]) for start, stop in find_couplets(units)]


def _whole_sentences(units: Sequence[str], max_characters: int) -> list[tuple[int, int]]:
    """Join what has no end of its own, such as a heading, with what follows, as far as they fit together.

    What ends with a comma has none in any text; what ends without a mark, only where sentences are marked.
    """
    finished = [bool(_FINISHED.search(unit)) for unit in units]
    is_punctuated = sum(finished) >= _PUNCTUATED_SHARE * len(units)
    runs: list[tuple[int, int]] = []
    length = 0
    for index, unit in enumerate(units):
        is_open = index > 0 and not finished[index - 1] and (is_punctuated or _HALF.search(units[index - 1]))
        if is_open and length + len(unit) <= max_characters:
            runs[-1] = (runs[-1][0], index + 1)
            length += len(unit)
        else:
            runs.append((index, index + 1))
            length = len(unit)
    return runs


def _join_quotations(parts: list[str], max_characters: int) -> list[str]:
    """Join the sentences between a quotation's marks, as far as they fit together."""
    units: list[str] = []
    depth = 0
    for part in parts:
        if units and depth > 0 and len(units[-1]) + len(part) <= max_characters:
            units[-1] += part
        else:
            units.append(part)
            depth = 0
        depth += len(_OPENING_MARK.findall(part)) - len(_CLOSING_MARK.findall(part))
    return units


def _join_wordless(pieces: list[str]) -> list[str]:
    """Join a piece without any ideograph, which nobody could find, to the piece before it."""
    joined: list[str] = []
    for piece in pieces:
        if joined and not (any(map(is_cjk, piece)) and any(map(is_cjk, joined[-1]))):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined


def _share_out(lengths: Sequence[int], max_length: int) -> list[tuple[int, int]]:
    """Share units out to as few and as even runs of at most ``max_length`` as they allow, as half-open ranges."""
    runs: list[tuple[int, int]] = []
    remaining = sum(lengths)
    start = length = 0
    for index, added in enumerate(lengths):
        # What is left, shared out evenly: each run aims anew, so that no small rest remains for the last.
        target = remaining / max(1, -(-remaining // max_length))
        grown = length + added
        overshoots = grown - target > target - length
        if index > start and (grown > max_length or overshoots):
            runs.append((start, index))
            remaining -= length
            start, grown = index, added
        length = grown
    return [*runs, (start, len(lengths))] if lengths else []
