"""Decides how operators change the word list: many words at once, from a file or by choice."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models.functions import Now

from chat.models import SensitiveWord
from chat.moderation.word_files import WordEntry
from chat.moderation.words import check_word

_BATCH = 1000


@dataclass(frozen=True)
class SavedWords:
    """How many words a file brought, changed, or said nothing new of."""

    created: int
    updated: int
    unchanged: int


def save_words(*, entries: Sequence[WordEntry]) -> SavedWords:
    """Add the words that are new and change those that are known, in one transaction; saving again changes nothing.

    Raises WordRefused before anything is saved.
    """
    for entry in entries:
        check_word(entry.word)
    with transaction.atomic(durable=True):
        names = [entry.word for entry in entries]
        rows = SensitiveWord.objects.select_for_update().filter(word__in=names).order_by("word")
        known = {row.word: row for row in rows}
        new = [
            SensitiveWord(word=entry.word, **_given(entry)) for entry in entries if entry.word not in known
        ]
        changed = [
            known[entry.word]
            for entry in entries
            if entry.word in known and _change(known[entry.word], entry)
        ]
        SensitiveWord.objects.bulk_create(new, batch_size=_BATCH)
        if changed:
            fields = ("category", "action", "is_active", "note", "updated_at")
            for row in changed:
                row.updated_at = Now()
            SensitiveWord.objects.bulk_update(changed, fields, batch_size=_BATCH)
    return SavedWords(len(new), len(changed), len(entries) - len(new) - len(changed))


def set_words_active(*, ids: Sequence[int], is_active: bool) -> int:
    """Switch words on or off; return how many that changed."""
    words = SensitiveWord.objects.filter(id__in=ids).exclude(is_active=is_active)
    return words.update(is_active=is_active, updated_at=Now())


def _given(entry: WordEntry) -> dict[str, str | bool]:
    fields = {
        "category": entry.category,
        "action": entry.action,
        "is_active": entry.is_active,
        "note": entry.note,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _change(row: SensitiveWord, entry: WordEntry) -> bool:
    """Put what the entry says into the row; tell whether that is anything new."""
    news = {name: value for name, value in _given(entry).items() if getattr(row, name) != value}
    for name, value in news.items():
        setattr(row, name, value)
    return bool(news)
