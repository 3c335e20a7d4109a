"""Decides how readers search their own conversations: by words whatever their script, and what they see of a hit."""

import uuid
from collections.abc import Sequence

from django.db.models import QuerySet

from accounts.models import User
from chat.models import Message, Session
from chat.models.folded_text import fold_for_search, folded_places
from guoxue.errors import InvalidInput

MAX_QUERY_CHARACTERS = 100
SNIPPET_CHARACTERS = 120
_LEAD_CHARACTERS = 30
Span = tuple[int, int]


def search_words(query: str) -> list[str]:
    """Return the folded words of a query, each once. Raises InvalidInput without a letter or digit, or if too long."""
    if len(query) > MAX_QUERY_CHARACTERS:
        raise InvalidInput(fields={"q": [f"最多 {MAX_QUERY_CHARACTERS} 字。"]})
    words = list(dict.fromkeys(filter(None, map(fold_for_search, query.split()))))
    if not words:
        raise InvalidInput(fields={"q": ["请输入要找的文字。"]})
    return words


def find_messages(user: User, words: Sequence[str]) -> QuerySet[Message]:
    """Return the reader's own messages that have every word, without what a list does not show."""
    own = Message.objects.owned_by(user).mentioning(words)
    return own.select_related("session", "role").only(
        "author", "text", "created_at", "session__title", "role__name"
    )


def titled_sessions(user: User, words: Sequence[str]) -> list[uuid.UUID]:
    """Return the reader's own sessions whose title has every word; one reader's titles are few."""
    titles = Session.objects.owned_by(user).exclude(title="").values_list("id", "title")
    folded = ((session_id, fold_for_search(title)) for session_id, title in titles.iterator())
    return [session_id for session_id, title in folded if all(word in title for word in words)]


def snippet(text: str, words: Sequence[str]) -> tuple[str, list[Span]]:
    """Cut a stretch of the text around the first match; the spans of all matches in it are half-open."""
    spans = matched_spans(text, words)
    first = spans[0][0] if spans else 0
    begin = max(0, min(first - _LEAD_CHARACTERS, len(text) - SNIPPET_CHARACTERS))
    end = begin + SNIPPET_CHARACTERS
    return text[begin:end], [
        (start - begin, min(stop, end) - begin) for start, stop in spans if begin <= start < end
    ]


def matched_spans(text: str, words: Sequence[str]) -> list[Span]:
    """Return where the words stand in the text, whatever punctuation stands inside them; in order, never overlapping."""
    folded, places = fold_for_search(text), folded_places(text)
    found = []
    for word in words:
        start = folded.find(word)
        while start >= 0:
            found.append((places[start], places[start + len(word) - 1] + 1))
            start = folded.find(word, start + len(word))
    spans: list[Span] = []
    for span in sorted(found):
        if not spans or span[0] >= spans[-1][1]:
            spans.append(span)
        else:
            spans[-1] = (spans[-1][0], max(spans[-1][1], span[1]))
    return spans
