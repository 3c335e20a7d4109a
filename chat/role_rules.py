"""Decides what a role may be given: works that the corpus has, a model that the price list offers, a budget that fits."""

from collections.abc import Collection, Iterable

from billing.models import Price
from chat.models import Role
from guoxue.errors import InvalidInput
from guoxue.llm import bound_tokens
from knowledge.folding import fold
from knowledge.retrieval.work_titles import list_works


def unknown_works(names: Iterable[str]) -> list[str]:
    """Return those of the names that are no title or alias of any work of the corpus; 繁 and 简 are the same."""
    known = {folded for work in list_works() for folded in work.folded}
    return [name for name in names if fold(name) not in known]


def require_known_works(names: Collection[str], *, kept: Collection[str] = ()) -> None:
    """Raise InvalidInput, which names the works that the corpus lacks.

    What the role has already is ``kept`` unasked: a work may have left the corpus since, and may come back.
    """
    if unknown := unknown_works(name for name in names if name not in kept):
        listed = "".join(f"《{name}》" for name in unknown)
        reason = f"典籍库里没有{listed}，请核对书名，或到典籍页查找它的名称。"
        raise InvalidInput(fields={"scope_works": [reason]})


def require_offered_model(model: str) -> None:
    """Raise InvalidInput unless the price list offers the model; without a name the default one answers."""
    if model and Price.objects.current(model) is None:
        reason = f"价目表里没有模型 {model}，请从价目表中选择，或留空用默认模型。"
        raise InvalidInput(fields={"model": [reason]})


def prompt_budget_for(system_prompt: str) -> int:
    """Return the budget of an own role: its instructions take nothing from the room that passages and memory have."""
    return int(Role._meta.get_field("prompt_budget_tokens").default) + bound_tokens(system_prompt)
