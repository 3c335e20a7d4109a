"""Shared by billing's tests: an operator in the admin."""

import pytest
from django.test import Client

from accounts.models import User
from accounts.tests.factories import make_operator


@pytest.fixture
def operator(db: None) -> User:
    return make_operator("operator@example.com")


@pytest.fixture
def page(operator: User) -> Client:
    """A browser in which the operator is logged in to the admin."""
    client = Client()
    client.force_login(operator)
    return client
