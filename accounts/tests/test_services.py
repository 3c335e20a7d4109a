from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework_simplejwt.token_blacklist.models import OutstandingToken

from accounts import services, tokens
from accounts.errors import (
    AccountDisabled,
    CredentialsInvalid,
    EmailCodeInvalid,
    EmailTaken,
    TokenInvalid,
)
from accounts.models import EmailCode, LoginRecord, User
from accounts.tests.factories import PASSWORD, make_operator, make_user
from guoxue.errors import InvalidInput
from guoxue.tests.racing import run_together, winners

pytestmark = pytest.mark.django_db
ORIGIN = {"ip": "127.0.0.1", "user_agent": "pytest"}
EMAIL = "bai.juyi@example.com"


def code_for(purpose, email=EMAIL):
    return services.request_email_code(email=email, purpose=purpose, ip=None).code


def register(code, **changes):
    wanted = {"email": EMAIL, "code": code, "password": PASSWORD, "nickname": "香山居士", **changes}
    return services.register_by_email(**wanted, **ORIGIN)


def log_in(password, email=EMAIL, ip="127.0.0.1"):
    return services.login_by_email_password(email=email, password=password, ip=ip, user_agent="pytest")


def test_registration_creates_a_reader_with_a_proven_address():
    code = code_for("register")

    user = register(code, email="Bai.Juyi@Example.com")

    user.refresh_from_db()
    assert (user.email, user.nickname, user.is_staff) == (EMAIL, "香山居士", False)
    assert user.check_password(PASSWORD) and user.person_key == f"email:{EMAIL}"
    assert user.last_login is not None
    record = LoginRecord.objects.get()
    assert (record.user, record.method, record.succeeded) == (user, "register", True)


def test_registration_without_a_nickname_gets_one():
    user = register(code_for("register"), nickname="")

    assert user.nickname.startswith("读书人")


def test_registration_with_a_wrong_code_creates_nobody_and_counts_the_attempt():
    code = code_for("register")

    with pytest.raises(EmailCodeInvalid) as refusal:
        register(f"{(int(code) + 1) % 1_000_000:06d}")

    assert refusal.value.fields == {"code": [refusal.value.message]}
    assert not User.objects.exists()
    assert EmailCode.objects.get().attempts == 1


def test_registration_with_a_weak_password_says_why_in_chinese_and_keeps_the_code():
    code = code_for("register")

    with pytest.raises(InvalidInput) as refusal:
        register(code, password="12345")

    assert any("密码" in reason for reason in refusal.value.fields["password"])
    assert not User.objects.exists()
    assert EmailCode.objects.get().attempts == 0


def test_password_like_the_address_is_refused():
    with pytest.raises(InvalidInput) as refusal:
        register(code_for("register"), password="bai.juyi@example")

    assert list(refusal.value.fields) == ["password"]


def test_registration_refuses_an_address_that_got_an_account_since_the_code_was_sent():
    code = code_for("register")
    make_user(EMAIL)

    with pytest.raises(EmailTaken):
        register(code)

    assert User.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_registrations_at_the_same_moment_one_wins():
    code = code_for("register")

    results = run_together([lambda: register(code)] * 2)

    assert len(winners(results)) == 1
    assert User.objects.count() == 1


def test_login_by_code_proves_the_address():
    user = make_user(EMAIL, email_verified_at=None)

    found = services.login_by_email_code(email=EMAIL, code=code_for("login"), **ORIGIN)

    user.refresh_from_db()
    assert found == user
    assert user.email_verified_at is not None and user.last_login is not None


def test_login_by_code_refuses_an_address_without_account():
    code = code_for("login")

    with pytest.raises(EmailCodeInvalid):
        services.login_by_email_code(email=EMAIL, code=code, **ORIGIN)

    record = LoginRecord.objects.get()
    assert (record.user, record.succeeded) == (None, False)


def test_login_by_code_refuses_a_disabled_account():
    user = make_user(EMAIL, is_active=False)

    with pytest.raises(AccountDisabled):
        services.login_by_email_code(email=EMAIL, code=code_for("login"), **ORIGIN)

    user.refresh_from_db()
    assert user.last_login is None
    assert LoginRecord.objects.get().succeeded is False


def test_login_by_password_is_logged():
    user = make_user(EMAIL)

    found = services.login_by_email_password(
        email=EMAIL.upper(), password=PASSWORD, ip="2001:db8::1", user_agent="x" * 999
    )

    record = LoginRecord.objects.get()
    assert found == user
    assert (record.user, record.method, record.ip, record.succeeded) == (
        user,
        "email_password",
        "2001:db8::1",
        True,
    )
    assert record.user_agent == "x" * 300


def test_wrong_password_and_unknown_address_look_the_same():
    user = make_user(EMAIL)

    with pytest.raises(CredentialsInvalid) as wrong_password:
        log_in("wrong")
    with pytest.raises(CredentialsInvalid) as unknown_address:
        log_in(PASSWORD, email="nobody@example.com")

    assert wrong_password.value.as_dict() == unknown_address.value.as_dict()
    assert list(LoginRecord.objects.order_by("pk").values_list("user", "succeeded")) == [
        (user.pk, False),
        (None, False),
    ]


def test_account_without_a_password_cannot_be_entered_by_password():
    User.objects.create_user(EMAIL)

    with pytest.raises(CredentialsInvalid):
        log_in("")

    assert not LoginRecord.objects.filter(succeeded=True).exists()


def test_disabled_account_is_told_only_to_who_knows_the_password():
    make_user(EMAIL, is_active=False)

    with pytest.raises(AccountDisabled):
        log_in(PASSWORD)
    with pytest.raises(CredentialsInvalid):
        log_in("wrong")

    assert not LoginRecord.objects.filter(succeeded=True).exists()


def test_sign_out_everywhere_revokes_the_refresh_tokens_of_one_person():
    user, other = make_user(), make_user()
    mine, theirs = tokens.issue_tokens(user), tokens.issue_tokens(other)
    tokens.issue_tokens(user)

    revoked = services.sign_out_everywhere(user=user)

    assert revoked == 2
    with pytest.raises(TokenInvalid):
        tokens.rotate_refresh_token(mine.refresh)
    tokens.rotate_refresh_token(theirs.refresh)


def test_ensure_operator_makes_one_and_only_one():
    password = services.ensure_operator(email="Admin@guoxue.local")

    again = services.ensure_operator(email="second@guoxue.local")

    operator = User.objects.get()
    assert again is None
    assert (operator.email, operator.is_staff, operator.is_superuser) == ("admin@guoxue.local", True, True)
    assert operator.check_password(password) and len(password) == 16


def test_ensure_operator_promotes_an_existing_account():
    user = make_user(EMAIL)
    pair = tokens.issue_tokens(user)

    password = services.ensure_operator(email=EMAIL)

    user.refresh_from_db()
    assert user.is_superuser and user.check_password(password)
    with pytest.raises(TokenInvalid):  # Whoever was signed in as the reader is not the operator.
        tokens.rotate_refresh_token(pair.refresh)


def test_ensure_operator_replaces_one_who_was_disabled():
    make_operator("old@guoxue.local", is_active=False)

    password = services.ensure_operator(email="admin@guoxue.local")

    assert User.objects.get(email="admin@guoxue.local").check_password(password)


def test_reset_gives_an_operator_a_new_password_and_signs_him_out():
    operator = make_operator(EMAIL)
    pair = tokens.issue_tokens(operator)

    password = services.reset_operator_password(email=EMAIL)

    operator.refresh_from_db()
    assert operator.check_password(password) and not operator.check_password(PASSWORD)
    with pytest.raises(TokenInvalid):
        tokens.rotate_refresh_token(pair.refresh)


def test_reset_does_not_touch_readers():
    user = make_user(EMAIL)

    password = services.reset_operator_password(email=EMAIL)

    user.refresh_from_db()
    assert password is None and user.check_password(PASSWORD)


def test_purge_keeps_what_rules_still_need():
    user = make_user(EMAIL)
    now = timezone.now()
    for days in (0, 2):
        then = now - timedelta(days=days)
        EmailCode.objects.create(
            email=f"{days}@example.com",
            purpose="login",
            created_at=then,
            expires_at=then + timedelta(minutes=10),
        )
    for days in (182, 184):
        LoginRecord.objects.create(
            user=user, method="email_code", succeeded=True, created_at=now - timedelta(days=days)
        )
    tokens.issue_tokens(user)
    OutstandingToken.objects.update(expires_at=now - timedelta(seconds=1))
    exchanged = tokens.issue_tokens(user)
    tokens.rotate_refresh_token(exchanged.refresh)

    purged = services.purge_expired(now=now)

    assert purged == {"email_codes": 1, "login_records": 1, "tokens": 1}
    assert EmailCode.objects.get().email == "0@example.com"
    assert LoginRecord.objects.get().created_at == now - timedelta(days=182)
    assert [row.expires_at > now for row in OutstandingToken.objects.all()] == [True, True]
