"""Decides what in a text is a reference to a note, which an editor has put there, and no part of the original."""

import re

_NUMERAL = "(?:[0-9]{1,3}|[０-９]{1,3}|[一二三四五六七八九十百]{1,5})"
_MARK = rf"(?:\[{_NUMERAL}\]|［{_NUMERAL}］|〔{_NUMERAL}〕|[①-⑳㉑-㉟㊱-㊿⑴-⒇])"
_MARKS = re.compile(_MARK)
_NOTE = re.compile(rf"^{_MARK}")


def strip_note_marks(text: str) -> str:
    """Return the text without marks such as [1], 〔一〕 and ①, which would stand between its characters."""
    return _MARKS.sub("", text)


def is_note(paragraph: str) -> bool:
    """Tell whether the paragraph begins with such a mark: then it is the note itself."""
    return bool(_NOTE.match(paragraph))
