"""Decides which server answers for a model, and which others are asked when it does not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

OFFLINE_MODEL = "offline"
# The provider of LLM_BASE_URL and LLM_API_KEY.
SINGLE_PROVIDER = "default"


@dataclass(frozen=True)
class Provider:
    """A server; ``models`` maps our names of its models to its own, and is None when it takes any name."""

    name: str
    base_url: str
    api_key: str = field(repr=False)
    models: Mapping[str, str] | None = None

    def serves(self, model: str) -> bool:
        """Tell whether the server answers for this model of ours."""
        return self.models is None or model in self.models


@dataclass(frozen=True)
class Candidate:
    """A provider that may answer, with our name of the model and the provider's own."""

    provider: Provider
    model: str
    upstream_model: str


def default_model() -> str:
    """Return the model that answers: the configured one, or the offline model when no provider has it."""
    model: str = settings.LLM_MODEL
    return model if provider_of(model) else OFFLINE_MODEL


def provider_of(model: str) -> Provider | None:
    """Return the provider that is asked first for a model; None when the model is not offered."""
    candidates = candidates_for(model)
    return candidates[0].provider if candidates and candidates[0].model == model else None


def context_tokens(model: str) -> int | None:
    """Return how many tokens the model takes, prompt and answer together; None where nobody has said."""
    known: Mapping[str, int] = settings.LLM_CONTEXT_TOKENS
    return known.get(model)


def candidates_for(model: str) -> tuple[Candidate, ...]:
    """Return who may answer, in turn: the providers of the model, then those of ``LLM_FALLBACKS``."""
    if model == OFFLINE_MODEL:
        return ()
    providers = _providers()
    offers = [
        Candidate(provider, name, (provider.models or {}).get(name, name))
        for name in dict.fromkeys((model, *settings.LLM_FALLBACKS))
        for provider in providers
        if provider.serves(name)
    ]
    return tuple(offers)


def _providers() -> list[Provider]:
    configured: dict[str, Any] = settings.LLM_PROVIDERS
    named = [
        Provider(name, values["base_url"], values["api_key"], values["models"])
        for name, values in configured.items()
    ]
    if settings.LLM_API_KEY:
        models = {settings.LLM_MODEL: settings.LLM_MODEL} if named else None
        named.append(Provider(SINGLE_PROVIDER, settings.LLM_BASE_URL, settings.LLM_API_KEY, models))
    return named
