"""Makes prices and credited wallets for tests, without the seeded rows, which transactional tests flush."""

from datetime import datetime, timedelta
from uuid import uuid4

from django.utils import timezone

from accounts.models import User
from accounts.tests.factories import make_operator, make_user
from billing.models import Account, Price, Wallet
from billing.services import adjust_balance, open_wallet

YUAN = 1_000_000


def make_price(
    model: str = "paid-model",
    *,
    input_micros: int = 2 * YUAN,
    cached_input_micros: int = YUAN // 5,
    output_micros: int = 3 * YUAN,
    valid_from: datetime | None = None,
) -> Price:
    """Create a price at deepseek-chat's rates, in force for an hour, unless told otherwise."""
    return Price.objects.create(
        model=model,
        valid_from=valid_from or timezone.now() - timedelta(hours=1),
        input_price_micros=input_micros,
        cached_input_price_micros=cached_input_micros,
        output_price_micros=output_micros,
    )


def make_stranger() -> User:
    """Create a user whom nothing identifies, so who gets no trial."""
    return make_user(email_verified_at=None)


def make_wallet(*, cash_micros: int = 0, bonus_micros: int = 0, user: User | None = None) -> Wallet:
    """Open a wallet without a trial and credit it by an operator."""
    owner = user or make_stranger()
    for bucket, amount in ((Account.CASH, cash_micros), (Account.BONUS, bonus_micros)):
        if amount:
            credit(owner, amount, bucket=bucket)
    return open_wallet(user=owner)


def credit(user: User, amount_micros: int, *, bucket: Account = Account.CASH) -> None:
    adjust_balance(
        user=user,
        amount_micros=amount_micros,
        actor=make_operator(),
        reason="测试",
        idempotency_key=str(uuid4()),
        bucket=bucket,
    )


def buckets(wallet: Wallet) -> dict[str, int]:
    """Return the wallet's buckets that are not zero, as the database has them."""
    fresh = Wallet.objects.get(pk=wallet.pk)
    names = ("cash", "bonus", "cash_held", "bonus_held", "refunding")
    return {name: getattr(fresh, f"{name}_micros") for name in names if getattr(fresh, f"{name}_micros")}
