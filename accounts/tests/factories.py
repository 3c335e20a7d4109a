"""Makes people for tests, with as little as a test must say about them."""

from itertools import count

from django.utils import timezone

from accounts.models import User

PASSWORD = "shan-gao-shui-chang-1024"
_numbers = count(1)


def make_user(email: str | None = None, **fields: object) -> User:
    """Create a reader with a verified address and the password ``PASSWORD``."""
    address = email or f"reader{next(_numbers)}@example.com"
    return User.objects.create_user(address, PASSWORD, **{"email_verified_at": timezone.now(), **fields})


def make_operator(email: str | None = None, **fields: object) -> User:
    """Create a superuser who may enter the admin, with the password ``PASSWORD``."""
    return User.objects.create_superuser(email or f"operator{next(_numbers)}@example.com", PASSWORD, **fields)
