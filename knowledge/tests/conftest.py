"""Shared by the tests of the corpus: the bundled embedding model, loaded once."""

import pytest
from django.conf import settings

from knowledge.bundled_model import BundledModel
from knowledge.vectors import background


@pytest.fixture(scope="session")
def bundled_model() -> BundledModel:
    """The model from the cache that the product uses, so that repeated runs do not build it again."""
    return BundledModel.open(settings.VAR_DIR / "models", threads=2)


@pytest.fixture(autouse=True)
def fresh_samples() -> None:
    """No test measures similarities by the vectors of another one's corpus."""
    background._samples.clear()
