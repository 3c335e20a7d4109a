"""Decides in which form a text is searched by its reader: letters and digits only, 繁→简, whatever their case."""

from typing import Any

from django.db import models

from knowledge.folding import fold_characters


def fold_for_search(text: str) -> str:
    """Fold the text for a search by its characters: punctuation and spaces dropped, 简 for 繁, small letters."""
    return "".join(filter(str.isalnum, fold_characters(text))).casefold()


def folded_places(text: str) -> list[int]:
    """Return for each character of the folded text the place in ``text`` that it comes from."""
    return [
        place
        for place, character in enumerate(fold_characters(text))
        if character.isalnum()
        for _ in character.casefold()
    ]


class FoldedTextField(models.TextField[str, str]):
    """The folded form of another field of the row, written whenever the row is saved; nobody sets it."""

    def __init__(self, *args: Any, source: str, **kwargs: Any) -> None:
        self.source = source
        super().__init__(*args, **{**kwargs, "blank": True, "editable": False, "default": ""})

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, {**kwargs, "source": self.source}

    def pre_save(self, instance: models.Model, add: bool) -> str:
        folded = fold_for_search(getattr(instance, self.source))
        setattr(instance, self.attname, folded)
        return folded
