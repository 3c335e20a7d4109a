from contextlib import suppress
from datetime import timedelta
from threading import Barrier, BrokenBarrierError

import pytest
from django.db import IntegrityError
from django.utils import timezone

from accounts import codes, services
from accounts.errors import EmailCodeInvalid, EmailCodeThrottled
from accounts.models import CODE_MAX_ATTEMPTS, EmailCode, EmailCodeQuerySet, LoginRecord
from accounts.services import Mail
from accounts.tests.factories import make_user
from guoxue.tests.racing import run_together, winners

pytestmark = pytest.mark.django_db
ORIGIN = {"ip": "127.0.0.1", "user_agent": "pytest"}


def ask(email="wang.wei@example.com", purpose="login", ip="127.0.0.1"):
    return services.request_email_code(email=email, purpose=purpose, ip=ip)


def ask_long_ago(minutes, **request):
    issued = ask(**request)
    then = timezone.now() - timedelta(minutes=minutes)
    life = EmailCode.objects.get(pk=issued.id).expires_at - timezone.now()
    EmailCode.objects.filter(pk=issued.id).update(created_at=then, expires_at=then + life)
    return issued


def wrong(code):
    return f"{(int(code) + 1) % 1_000_000:06d}"


def log_in(email, code):
    return services.login_by_email_code(email=email, code=code, **ORIGIN)


def test_codes_are_six_digits_and_do_not_repeat():
    made = {codes.new_code() for _ in range(200)}

    assert all(len(code) == 6 and code.isdigit() for code in made)
    assert len(made) > 195


def test_only_a_salted_keyed_hash_of_the_code_is_stored(settings):
    issued = ask()

    row = EmailCode.objects.get()
    assert issued.code not in {row.code_hash, row.salt} and len(row.code_hash) == 64
    assert codes.matches(salt=row.salt, code_hash=row.code_hash, code=issued.code)
    assert not codes.matches(salt=codes.new_salt(), code_hash=row.code_hash, code=issued.code)
    settings.SECRET_KEY = "another-secret-key-another-secret-key"
    assert not codes.matches(salt=row.salt, code_hash=row.code_hash, code=issued.code)


@pytest.mark.parametrize(
    ("purpose", "has_account", "mail"),
    [
        ("register", False, Mail.CODE),
        ("register", True, Mail.ACCOUNT_EXISTS),
        ("login", True, Mail.CODE),
        ("login", False, Mail.NOTHING),
        ("reset", True, Mail.CODE),
        ("reset", False, Mail.NOTHING),
    ],
)
def test_mail_tells_only_the_owner_whether_there_is_an_account(purpose, has_account, mail):
    if has_account:
        make_user("wang.wei@example.com")

    ask("Wang.Wei@Example.com", purpose)

    row = EmailCode.objects.get()
    assert (row.email, row.purpose) == ("wang.wei@example.com", purpose)
    assert services.choose_mail(email=row.email, purpose=row.purpose) == mail


def test_next_code_waits_sixty_seconds():
    ask_long_ago(minutes=0.5)

    with pytest.raises(EmailCodeThrottled) as refusal:
        ask()

    assert 29 <= refusal.value.retry_after_seconds <= 31
    assert EmailCode.objects.count() == 1


def test_another_purpose_or_address_does_not_wait():
    ask()

    ask(purpose="register")
    ask(email="meng.haoran@example.com")

    assert EmailCode.objects.unspent().count() == 3


def test_eleventh_code_in_a_day_waits_until_the_first_is_a_day_old():
    for number in range(services.CODES_PER_NETWORK):
        ask_long_ago(minutes=60 * (number + 2), purpose=["login", "register"][number % 2])

    with pytest.raises(EmailCodeThrottled) as refusal:
        ask()

    assert refusal.value.retry_after_seconds == pytest.approx(13 * 3600, abs=5)
    assert EmailCode.objects.count() == services.CODES_PER_NETWORK


@pytest.mark.parametrize(
    ("stranger", "owner"), [("6.6.6.6", "1.1.1.1"), ("2001:db8:6::1", "2001:db8:1::1"), (None, "1.1.1.1")]
)
def test_stranger_cannot_use_up_the_codes_of_an_address(stranger, owner):
    for _ in range(services.CODES_PER_NETWORK):
        ask_long_ago(minutes=2, ip=stranger)
    with pytest.raises(EmailCodeThrottled):
        ask(ip=stranger)

    ask(ip=owner)

    assert EmailCode.objects.unspent().get().ip == owner


def test_neighbours_in_one_ipv6_network_count_as_one():
    for number in range(services.CODES_PER_NETWORK):
        ask_long_ago(minutes=2, ip=f"2001:db8::{number}")

    with pytest.raises(EmailCodeThrottled):
        ask(ip="2001:db8::ffff")


def test_fifty_first_code_in_a_day_waits_wherever_it_is_asked_for():
    for number in range(services.CODES_PER_ADDRESS):
        ask_long_ago(minutes=2, ip=f"192.0.2.{number}")

    with pytest.raises(EmailCodeThrottled) as refusal:
        ask(ip="198.51.100.1")

    assert refusal.value.retry_after_seconds == pytest.approx(24 * 3600 - 120, abs=10)
    assert EmailCode.objects.count() == services.CODES_PER_ADDRESS


def test_eleventh_code_is_sent_the_day_after():
    for _ in range(services.CODES_PER_NETWORK):
        ask_long_ago(minutes=24 * 60 + 1)

    ask()

    assert EmailCode.objects.count() == services.CODES_PER_NETWORK + 1


def test_new_code_makes_the_old_one_worthless():
    make_user("wang.wei@example.com")
    old = ask_long_ago(minutes=2)
    new = ask()

    with pytest.raises(EmailCodeInvalid):
        log_in("wang.wei@example.com", old.code if old.code != new.code else wrong(new.code))

    assert log_in("wang.wei@example.com", new.code).email == "wang.wei@example.com"


def test_code_works_once():
    make_user("wang.wei@example.com")
    issued = ask()
    log_in("wang.wei@example.com", issued.code)

    with pytest.raises(EmailCodeInvalid):
        log_in("wang.wei@example.com", issued.code)

    assert EmailCode.objects.get().consumed_at is not None
    assert list(LoginRecord.objects.values_list("succeeded", flat=True)) == [False, True]


def test_code_of_another_purpose_or_address_is_refused():
    make_user("wang.wei@example.com")
    make_user("meng.haoran@example.com")
    registration, login = ask(purpose="register"), ask()

    for email, code in [
        ("wang.wei@example.com", wrong(login.code) if registration.code == login.code else registration.code),
        ("meng.haoran@example.com", login.code),
    ]:
        with pytest.raises(EmailCodeInvalid):
            log_in(email, code)

    assert not EmailCode.objects.filter(consumed_at__isnull=False).exists()


def test_expired_code_is_refused(settings):
    make_user("wang.wei@example.com")
    issued = ask_long_ago(minutes=settings.EMAIL_CODE_TTL_SECONDS / 60 + 0.1)

    with pytest.raises(EmailCodeInvalid):
        log_in("wang.wei@example.com", issued.code)

    assert EmailCode.objects.get().consumed_at is None


@pytest.mark.django_db(transaction=True)
def test_code_dies_after_five_wrong_attempts_which_stay_counted_although_the_requests_failed():
    make_user("wang.wei@example.com")
    issued = ask()

    for _ in range(CODE_MAX_ATTEMPTS):
        with pytest.raises(EmailCodeInvalid):
            log_in("wang.wei@example.com", wrong(issued.code))

    assert EmailCode.objects.get().attempts == CODE_MAX_ATTEMPTS
    with pytest.raises(EmailCodeInvalid):
        log_in("wang.wei@example.com", issued.code)
    assert EmailCode.objects.get().consumed_at is None


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("locked", "expected_winners"), [(True, 1), (False, 2)])
def test_of_two_uses_of_a_code_at_the_same_moment_the_row_lock_lets_one_win(
    monkeypatch, locked, expected_winners
):
    make_user("wang.wei@example.com")
    issued = ask()
    both_have_read = Barrier(2)
    matches = codes.matches

    def wait_for_the_other(**comparison):
        with suppress(BrokenBarrierError):  # The other one waits at the lock, as it should.
            both_have_read.wait(timeout=1)
        return matches(**comparison)

    monkeypatch.setattr(codes, "matches", wait_for_the_other)
    if not locked:
        monkeypatch.setattr(EmailCodeQuerySet, "select_for_update", lambda rows, **options: rows)

    results = run_together([lambda: log_in("wang.wei@example.com", issued.code)] * 2)

    assert len(winners(results)) == expected_winners


@pytest.mark.django_db(transaction=True)
def test_of_many_requests_at_the_same_moment_one_code_is_issued():
    results = run_together([ask] * 4)

    assert len(winners(results)) == 1
    assert EmailCode.objects.count() == 1


def test_withdrawn_code_does_not_make_its_owner_wait():
    issued = ask()

    services.withdraw_email_code(issued=issued)

    assert ask().id != issued.id


@pytest.mark.django_db(transaction=True)
def test_database_keeps_one_unspent_code_per_address_and_purpose():
    ask()
    row = EmailCode.objects.get()

    with pytest.raises(IntegrityError):
        EmailCode.objects.create(email=row.email, purpose=row.purpose, expires_at=row.expires_at)

    assert EmailCode.objects.count() == 1


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, "有效"),
        ({"consumed_at": timezone.now()}, "已使用"),
        ({"superseded_at": timezone.now()}, "已作废"),
        ({"attempts": CODE_MAX_ATTEMPTS}, "错误过多"),
        ({"created_at": timezone.now() - timedelta(hours=2), "expires_at": timezone.now()}, "已过期"),
    ],
)
def test_state_says_why_a_code_cannot_be_used(changes, state):
    issued = ask()
    EmailCode.objects.filter(pk=issued.id).update(**changes)

    assert EmailCode.objects.get().state == state
