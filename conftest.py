"""Shared by all tests: cheap password hashes, an empty cache, fresh words, the migrations' seeds after every flush."""

from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.core.cache import cache

from guoxue import caching

SEEDS = (
    ("billing.migrations.0003_first_prices", "add_first_prices"),
    ("chat.migrations.0002_seed_roles", "seed_roles"),
    ("chat.migrations.0005_moderation", "seed_words"),
    ("chat.migrations.0007_roles", "seed_personas"),
)


def pytest_configure() -> None:
    """Make what a password costs in production cost nothing here, and give WhiteNoise the folder it expects."""
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    Path(django_settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


@pytest.fixture(autouse=True)
def empty_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees another's throttles and tickets, or leaves Redis alone because another one had none."""
    cache.clear()
    monkeypatch.setattr(caching, "_away_until", 0.0)


@pytest.fixture(autouse=True)
def fresh_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test goes by the words that another one listed and rolled back a moment ago."""
    current = import_module("chat.moderation.current_words")._current
    monkeypatch.setattr(current, "_look_at", 0.0)


@pytest.fixture(autouse=True)
def seeds(request: pytest.FixtureRequest) -> None:
    """A transactional test ends with a flush, which takes the seeds of the migrations too: put them back before one."""
    marker = request.node.get_closest_marker("django_db")
    if marker is not None and marker.kwargs.get("transaction"):
        request.getfixturevalue("transactional_db")
        for module, function in SEEDS:
            getattr(import_module(module), function)(apps, None)
