"""Decides how people get in: codes by mail, registration, login, and the operators' own accounts."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone

from accounts import codes, lockout, tokens
from accounts.errors import (
    AccountDisabled,
    CredentialsInvalid,
    EmailCodeInvalid,
    EmailCodeThrottled,
    EmailTaken,
)
from accounts.lockout import network_of
from accounts.models import (
    USER_AGENT_MAX_CHARACTERS,
    EmailCode,
    LoginRecord,
    User,
    default_nickname,
    normalise_email,
)
from guoxue.errors import InvalidInput

CODE_INTERVAL = timedelta(seconds=60)
CODES_PER_NETWORK = 10  # For one address in a day, so that a stranger cannot use up its owner's share …
CODES_PER_ADDRESS = 50  # … and many strangers together cannot fill its mailbox.
DAY = timedelta(days=1)
LOGIN_RECORD_LIFE = timedelta(days=183)  # 网络安全法 §21: network logs are kept for at least six months.
PASSWORD_ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKMNPQRSTUVWXYZ23456789"


class Mail(Enum):
    """What the owner of an address is told when somebody asks for a code."""

    CODE = "code"
    ACCOUNT_EXISTS = "account_exists"
    NOTHING = "nothing"


@dataclass(frozen=True)
class IssuedCode:
    """A fresh code in plain text, on its way to the mail, and the id of the row that keeps its hash."""

    id: int
    code: str


def request_email_code(*, email: str, purpose: str, ip: str | None) -> IssuedCode:
    """Issue a code, which makes older ones for the same purpose worthless.

    A row is written whether or not the address has an account, so that a stranger cannot tell the difference.
    Locks the address. Raises EmailCodeThrottled within 60 s of the last code for this address and purpose, and
    in 24 hours after ten codes for this address that one network asked for, or fifty from anywhere.
    """
    email = normalise_email(email)
    code, salt = codes.new_code(), codes.new_salt()
    with transaction.atomic(durable=True):
        _lock_address(email)
        now = timezone.now()
        _check_code_limits(email, purpose, ip, now)
        EmailCode.objects.sent_to(email).filter(purpose=purpose).unspent().update(superseded_at=now)
        row = EmailCode.objects.create(
            email=email,
            purpose=purpose,
            salt=salt,
            code_hash=codes.hash_code(salt=salt, code=code),
            ip=ip,
            created_at=now,
            expires_at=now + timedelta(seconds=settings.EMAIL_CODE_TTL_SECONDS),
        )
    return IssuedCode(id=row.pk, code=code)


def choose_mail(*, email: str, purpose: str) -> Mail:
    """Decide what the owner of the address is told; only he learns whether there is an account."""
    exists = User.objects.find_by_email(email) is not None
    if purpose == EmailCode.Purpose.REGISTER:
        return Mail.ACCOUNT_EXISTS if exists else Mail.CODE
    return Mail.CODE if exists else Mail.NOTHING


def withdraw_email_code(*, issued: IssuedCode) -> None:
    """Forget a code that could not be put in the mail, so that its owner may ask again at once."""
    EmailCode.objects.filter(pk=issued.id).delete()


def register_by_email(
    *, email: str, code: str, password: str, nickname: str, ip: str | None, user_agent: str
) -> User:
    """Create a reader whose address the code proves. Raises EmailCodeInvalid, EmailTaken or InvalidInput."""
    email = normalise_email(email)
    nickname = nickname or default_nickname()
    _check_password_strength(password, User(email=email, nickname=nickname))
    user = None
    with transaction.atomic(durable=True):
        if _redeem_code(email, EmailCode.Purpose.REGISTER, code):
            if User.objects.find_by_email(email):
                raise EmailTaken
            user = User.objects.create_user(
                email, password, nickname=nickname, email_verified_at=timezone.now()
            )
            _record_success(user, LoginRecord.Method.REGISTER, ip, user_agent)
    if user is None:  # Only now, outside: the failed attempt stays counted.
        raise EmailCodeInvalid
    return user


def login_by_email_code(*, email: str, code: str, ip: str | None, user_agent: str) -> User:
    """Return the user whose address the code proves. Raises EmailCodeInvalid or AccountDisabled."""
    email = normalise_email(email)
    method = LoginRecord.Method.EMAIL_CODE
    with transaction.atomic(durable=True):
        user = User.objects.find_by_email(email)
        proven = _redeem_code(email, EmailCode.Purpose.LOGIN, code) and user is not None
        if user is not None and proven and user.is_active:
            user.email_verified_at = user.email_verified_at or timezone.now()
            user.save(update_fields=["email_verified_at"])
            _record_success(user, method, ip, user_agent)
        else:
            _record(user, method, ip, user_agent, succeeded=False)
    if user is None or not proven:
        raise EmailCodeInvalid
    if not user.is_active:
        raise AccountDisabled
    return user


def login_by_email_password(*, email: str, password: str, ip: str | None, user_agent: str) -> User:
    """Return the user with this password. Raises CredentialsInvalid, AccountDisabled or LoginThrottled."""
    email = normalise_email(email)
    method = LoginRecord.Method.EMAIL_PASSWORD
    lockout.count_attempt(email=email, ip=ip)
    user = User.objects.find_by_email(email)
    proven = _password_matches(user, password)
    if user is None or not proven or not user.is_active:
        _record(user, method, ip, user_agent, succeeded=False)
        raise AccountDisabled if proven else CredentialsInvalid
    lockout.forget_attempts(email=email, ip=ip)
    with transaction.atomic(durable=True):
        _record_success(user, method, ip, user_agent)
    return user


def record_admin_login(*, email: str, ip: str | None, user_agent: str, succeeded: bool) -> None:
    """Note that an operator entered the admin, or that somebody tried to under this address."""
    user = User.objects.find_by_email(email)
    _record(user, LoginRecord.Method.ADMIN_PASSWORD, ip, user_agent, succeeded=succeeded)


def sign_out_everywhere(*, user: User) -> int:
    """Revoke every refresh token of ``user`` and return how many; access tokens end by themselves."""
    return tokens.revoke_refresh_tokens(user)


def ensure_operator(*, email: str) -> str | None:
    """Create the first operator and return the password, or None if an active one is there already."""
    email = normalise_email(email)
    with transaction.atomic(durable=True):
        _lock_address(email)
        if User.objects.filter(is_superuser=True, is_active=True).exists():
            return None
        password = _random_password()
        user = User.objects.find_by_email(email) or User(email=email, nickname="管理员")
        _make_operator(user, password)
    return password


def reset_operator_password(*, email: str) -> str | None:
    """Give an operator a new random password and return it; None if no operator has this address."""
    with transaction.atomic(durable=True):
        user = User.objects.filter(email=normalise_email(email), is_superuser=True).first()
        if user is None:
            return None
        password = _random_password()
        _make_operator(user, password)
    return password


def purge_expired(*, now: datetime) -> dict[str, int]:
    """Delete what no rule needs any more: yesterday's codes, login records past half a year, dead tokens."""
    return {
        "email_codes": EmailCode.objects.filter(expires_at__lt=now - DAY).delete()[0],
        "login_records": LoginRecord.objects.filter(created_at__lt=now - LOGIN_RECORD_LIFE).delete()[0],
        "tokens": tokens.forget_expired_tokens(now),
    }


def _lock_address(email: str) -> None:
    """Make requests for one address wait for each other until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"accounts:{email}"])


def _check_code_limits(email: str, purpose: str, ip: str | None, now: datetime) -> None:
    recent = EmailCode.objects.sent_to(email).filter(created_at__gt=now - DAY).order_by("-created_at")
    sent = list(recent[:CODES_PER_ADDRESS])
    from_here = [row for row in sent if network_of(row.ip) == network_of(ip)]
    waits = [row.created_at + CODE_INTERVAL - now for row in sent if row.purpose == purpose]
    for rows, limit in ((from_here, CODES_PER_NETWORK), (sent, CODES_PER_ADDRESS)):
        if len(rows) >= limit:
            waits.append(rows[limit - 1].created_at + DAY - now)
    wait = max(waits, default=timedelta())
    if wait > timedelta():
        raise EmailCodeThrottled(retry_after_seconds=max(1, round(wait.total_seconds())))


def _redeem_code(email: str, purpose: str, code: str) -> bool:
    """Spend the code if it is right, count the attempt if it is wrong; a step of the caller's transaction."""
    with transaction.atomic(savepoint=False):
        now = timezone.now()
        usable = EmailCode.objects.sent_to(email).filter(purpose=purpose).usable(now)
        row = usable.select_for_update(no_key=True).first()
        if row is None:
            return False
        accepted = codes.matches(salt=row.salt, code_hash=row.code_hash, code=code)
        row.attempts += 1
        row.consumed_at = now if accepted else None
        row.save(update_fields=["attempts", "consumed_at"])
    return accepted


def _password_matches(user: User | None, password: str) -> bool:
    if user is None:
        User().set_password(password)  # As slow as a real check: the time must not tell who has an account.
        return False
    return user.check_password(password)


def _check_password_strength(password: str, user: User) -> None:
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput(fields={"password": error.messages}) from None


def _record_success(user: User, method: str, ip: str | None, user_agent: str) -> None:
    user.last_login = timezone.now()
    user.save(update_fields=["last_login"])
    _record(user, method, ip, user_agent, succeeded=True)


def _record(user: User | None, method: str, ip: str | None, user_agent: str, *, succeeded: bool) -> None:
    LoginRecord.objects.create(
        user=user,
        method=method,
        ip=ip,
        user_agent=user_agent[:USER_AGENT_MAX_CHARACTERS].replace("\x00", ""),
        succeeded=succeeded,
    )


def _random_password() -> str:
    return "".join(secrets.choice(PASSWORD_ALPHABET) for _ in range(16))


def _make_operator(user: User, password: str) -> None:
    """Give the account every power and this password; who was signed in to it so far is signed out."""
    user.is_active = user.is_staff = user.is_superuser = True
    user.set_password(password)
    user.save()
    tokens.revoke_refresh_tokens(user)


def active_openid(user: User) -> str | None:
    """Return by which openid WeChat knows the reader as one who uses the mini-program now; None where it does not.

    WeChat judges texts only of people who have used the mini-program in the last two hours. There is no login by
    WeChat yet, so it knows nobody; the login has this function answer.
    """
    return None
