"""Decides how a text becomes passages: whole when it fits, else cut at sentence ends, nothing lost."""

import re

MAX_CHARACTERS = 400

# A sentence ends with its mark and the quotation marks and brackets that close after it.
_SENTENCE = re.compile(r".*?(?:[。！？!?；;…]+[」』”’》）)\]】\"']*\n?|\n|$)", re.DOTALL)
_OPENING_MARK, _CLOSING_MARK = re.compile("[「『“‘]"), re.compile("[」』”’]")
_CLAUSE = re.compile(r".*?(?:[，,、：:]+[」』”’》）)\]】\"']*|$)", re.DOTALL)


def split_text(text: str, *, max_characters: int = MAX_CHARACTERS) -> list[str]:
    """Cut a long text into pieces of at most ``max_characters``, as few and as even as sentences allow.

    A quotation that fits is not torn. A sentence that is itself too long is cut at its commas, a clause
    without any in the middle of nowhere.
    """
    if len(text) <= max_characters:
        return [text]
    sentences = [unit for sentence in _split(_SENTENCE, text) for unit in _shorten(sentence, max_characters)]
    units = _join_quotations(sentences, max_characters)
    target = -(-len(text) // -(-len(text) // max_characters))
    pieces = [""]
    for unit in units:
        grown = len(pieces[-1]) + len(unit)
        overshoots = grown > target and grown - target > target - len(pieces[-1])
        if pieces[-1] and (grown > max_characters or overshoots):
            pieces.append("")
        pieces[-1] += unit
    return pieces


def _split(pattern: re.Pattern[str], text: str) -> list[str]:
    return [part for part in pattern.findall(text) if part]


def _join_quotations(sentences: list[str], max_characters: int) -> list[str]:
    """Join the sentences between a quotation's marks, as far as they fit together."""
    units: list[str] = []
    depth = 0
    for sentence in sentences:
        if units and depth > 0 and len(units[-1]) + len(sentence) <= max_characters:
            units[-1] += sentence
        else:
            units.append(sentence)
            depth = 0
        depth += len(_OPENING_MARK.findall(sentence)) - len(_CLOSING_MARK.findall(sentence))
    return units


def _shorten(sentence: str, max_characters: int) -> list[str]:
    if len(sentence) <= max_characters:
        return [sentence]
    return [
        clause[start : start + max_characters]
        for clause in _split(_CLAUSE, sentence)
        for start in range(0, len(clause), max_characters)
    ]
