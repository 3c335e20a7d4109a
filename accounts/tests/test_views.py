import re
from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone
from kombu import Connection
from rest_framework.throttling import SimpleRateThrottle
from rest_framework_simplejwt.tokens import AccessToken

from accounts import tokens
from accounts.models import EmailCode, LoginRecord, User
from accounts.tests.factories import PASSWORD, make_operator, make_user
from accounts.views import CONSOLE_EMAIL_BACKEND
from guoxue.celery import app as celery_app

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("tasks_run_at_once")]
API = "/api/v1"
EMAIL = "li.qingzhao@example.com"


def ask_for_code(api, purpose="register", email=EMAIL):
    response = api.post(f"{API}/auth/email-codes", {"email": email, "purpose": purpose})
    assert response.status_code == 202, response.json()
    return response


def mailed_code():
    return re.search(r"^\d{6}$", mail.outbox[-1].body, re.MULTILINE)[0]


def register(api, **changes):
    body = {"email": EMAIL, "code": mailed_code(), "password": PASSWORD, "nickname": "易安居士", **changes}
    return api.post(f"{API}/auth/register", body)


def log_in(api, **body):
    return api.post(f"{API}/auth/email-login", {"email": EMAIL, **body})


def bearing(api, user):
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {tokens.issue_tokens(user).access}")
    return api


def error_of(response, status):
    assert response.status_code == status, response.content
    return response.json()["error"]


def test_new_reader_registers_logs_in_and_out(api):
    ask_for_code(api)

    registered = register(api)
    by_password = log_in(api, password=PASSWORD)
    ask_for_code(api, "login")
    by_code = log_in(api, code=mailed_code())
    refreshed = api.post(f"{API}/auth/refresh", {"refresh": by_code.json()["refresh"]})
    logged_out = api.post(f"{API}/auth/logout", {"refresh": refreshed.json()["refresh"]})

    assert [r.status_code for r in (registered, by_password, by_code, refreshed)] == [201, 200, 200, 200]
    assert (logged_out.status_code, logged_out.content) == (204, b"")
    user = User.objects.get()
    body = registered.json()
    assert set(body) == {"access", "refresh", "user", "created"} and body["created"] is True
    assert body["user"] == {
        "id": str(user.pk),
        "email": EMAIL,
        "nickname": "易安居士",
        "created_at": timezone.localtime(user.created_at).isoformat(),
        "is_staff": False,
    }
    for answer in (by_password, by_code, refreshed):
        assert answer.json()["user"] == body["user"] and answer.json()["created"] is False
        assert tokens.authenticate_access_token(answer.json()["access"]) == user


def test_code_answer_does_not_tell_who_has_an_account(api):
    make_user(EMAIL)
    asked = [
        ("register", EMAIL),
        ("register", "new@example.com"),
        ("login", EMAIL),
        ("login", "no@example.com"),
    ]

    answers = [ask_for_code(api, purpose, email).json() for purpose, email in asked]

    assert all(answer == answers[0] for answer in answers)
    assert [(message.subject, message.to) for message in mail.outbox] == [
        ("您已经有国学大师账户了", [EMAIL]),
        ("国学大师注册验证码", ["new@example.com"]),
        ("国学大师登录验证码", [EMAIL]),
    ]


@pytest.mark.parametrize(
    ("debug", "backend", "hinted"),
    [(True, CONSOLE_EMAIL_BACKEND, True), (False, CONSOLE_EMAIL_BACKEND, False), (True, "x.Smtp", False)],
)
def test_hint_where_to_look_appears_only_in_debug_with_the_console(
    api, settings, monkeypatch, debug, backend, hinted
):
    monkeypatch.setattr("accounts.tasks.send_mail", lambda *arguments: None)
    settings.DEBUG, settings.EMAIL_BACKEND = debug, backend

    answer = ask_for_code(api).json()

    assert ("hint" in answer) is hinted
    assert not re.search(r"\d{6}", str(answer))


def test_second_code_within_a_minute_is_429_with_retry_after(api):
    ask_for_code(api)

    response = api.post(f"{API}/auth/email-codes", {"email": EMAIL.upper(), "purpose": "register"})

    error = error_of(response, 429)
    assert (error["code"], error["retryable"]) == ("email_code_throttled", True)
    assert 58 <= int(response["Retry-After"]) <= 60
    assert len(mail.outbox) == 1


@pytest.mark.parametrize("has_account", [True, False])
@pytest.mark.parametrize("purpose", ["register", "login"])
def test_broken_queue_is_a_clear_503_for_every_address_and_the_code_is_withdrawn(
    api, monkeypatch, purpose, has_account
):
    if has_account:
        make_user(EMAIL)
    celery_app.conf.task_always_eager = False
    monkeypatch.setattr(celery_app.amqp, "_producer_pool", None)
    nobody_there = Connection("redis://127.0.0.1:1")
    monkeypatch.setattr(celery_app, "connection_for_write", lambda: nobody_there)

    response = api.post(f"{API}/auth/email-codes", {"email": EMAIL, "purpose": purpose})

    assert error_of(response, 503) == {
        "code": "mail_unavailable",
        "message": "验证码暂时无法发送，请稍后再试。",
        "fields": {},
        "retryable": True,
    }
    assert not EmailCode.objects.exists()


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        ("email-codes", {}, {"email", "purpose"}),
        ("email-codes", {"email": "nonsense", "purpose": "login"}, {"email"}),
        ("email-codes", {"email": "ſu@example.com", "purpose": "login"}, {"email"}),
        ("email-codes", {"email": "su@exämple.com", "purpose": "login"}, {"email"}),
        ("email-codes", {"email": f"{'a' * 250}@example.com", "purpose": "login"}, {"email"}),
        ("email-codes", {"email": EMAIL, "purpose": "fun"}, {"purpose"}),
        ("email-codes", {"email": ["a"], "purpose": {"a": 1}}, {"email", "purpose"}),
        ("register", {}, {"email", "code", "password"}),
        ("register", {"email": EMAIL, "code": "12345", "password": PASSWORD}, {"code"}),
        ("register", {"email": EMAIL, "code": "12345a", "password": PASSWORD}, {"code"}),
        ("register", {"email": EMAIL, "code": "123456", "password": "x" * 129}, {"password"}),
        ("register", {"email": EMAIL, "code": "123456", "password": "a\x00b"}, {"password"}),
        ("register", {"email": EMAIL, "code": "123456", "password": "12345678"}, {"password"}),
        (
            "register",
            {"email": EMAIL, "code": "123456", "password": PASSWORD, "nickname": "名" * 31},
            {"nickname"},
        ),
        (
            "register",
            {"email": EMAIL, "code": "123456", "password": PASSWORD, "nickname": "\u202e"},
            {"nickname"},
        ),
        ("register", {"email": EMAIL, "code": "123456", "password": PASSWORD}, {"code"}),
        ("email-login", {"email": EMAIL}, {"non_field_errors"}),
        ("email-login", {"email": EMAIL, "password": PASSWORD, "code": "123456"}, {"non_field_errors"}),
        ("email-login", {"email": EMAIL, "code": "123456"}, {"code"}),
        ("refresh", {}, {"refresh"}),
        ("refresh", {"refresh": 5}, None),
        ("logout", {"refresh": ""}, {"refresh"}),
        ("register", [], {"non_field_errors"}),
    ],
)
def test_bad_input_names_its_fields_and_changes_nothing(api, path, body, fields):
    response = api.post(f"{API}/auth/{path}", body)

    if fields is None:
        assert error_of(response, 401)["code"] == "token_invalid"
    else:
        assert set(error_of(response, 400)["fields"]) == fields
    assert not User.objects.exists() and not EmailCode.objects.exists() and not mail.outbox


def test_body_that_is_not_json_is_400(api):
    response = api.post(f"{API}/auth/register", "{", content_type="application/json")

    assert error_of(response, 400)["code"] == "invalid_input"


def test_full_width_digits_are_understood(api):
    ask_for_code(api)

    response = register(
        api, code=mailed_code().translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    )

    assert response.status_code == 201


def test_stale_token_does_not_close_the_public_doors(api):
    api.credentials(HTTP_AUTHORIZATION="Bearer stale")

    ask_for_code(api)

    assert register(api).status_code == 201


def test_wrong_password_is_401(api):
    make_user(EMAIL)

    response = log_in(api, password="wrong")

    assert error_of(response, 401)["code"] == "credentials_invalid"
    assert response["WWW-Authenticate"] == "Bearer"


def test_reused_refresh_token_is_401_and_ends_all_sessions(api):
    pair = tokens.issue_tokens(make_user(EMAIL))
    successor = api.post(f"{API}/auth/refresh", {"refresh": pair.refresh}).json()
    newest = api.post(f"{API}/auth/refresh", {"refresh": successor["refresh"]}).json()

    reused = api.post(f"{API}/auth/refresh", {"refresh": pair.refresh})
    after = api.post(f"{API}/auth/refresh", {"refresh": newest["refresh"]})

    assert error_of(reused, 401)["code"] == "token_reused"
    assert error_of(after, 401)["code"] == "token_invalid"


def test_disabled_account_is_refused_everywhere(api):
    user = make_user(EMAIL)
    pair = tokens.issue_tokens(user)
    User.objects.filter(pk=user.pk).update(is_active=False)

    answers = [log_in(api, password=PASSWORD), api.post(f"{API}/auth/refresh", {"refresh": pair.refresh})]
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {pair.access}")
    answers.append(api.get(f"{API}/me"))

    assert [error_of(answer, 401)["code"] for answer in answers] == ["account_disabled"] * 3


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("get", "me", 200), ("patch", "me", 200), ("get", "auth/verify", 200), ("post", "auth/ws-ticket", 201)],
)
@pytest.mark.parametrize("who", ["anonymous", "stranger", "owner", "staff"])
def test_private_doors_open_only_to_who_is_logged_in_and_show_only_himself(api, who, method, path, status):
    owner, stranger, staff = make_user(EMAIL, nickname="主人"), make_user(), make_operator()
    me = {"stranger": stranger, "owner": owner, "staff": staff}.get(who)
    if me:
        bearing(api, me)

    response = getattr(api, method)(f"{API}/{path}", {"nickname": "新名"} if method == "patch" else None)

    owner.refresh_from_db()
    assert owner.nickname == ("新名" if (who, method) == ("owner", "patch") else "主人")
    if me is None:
        assert error_of(response, 401)["code"] == "not_authenticated"
    elif path == "auth/ws-ticket":
        assert response.status_code == status and response.json()["expires_in"] == 30
        assert tokens.redeem_ticket(response.json()["ticket"]) == me
    else:
        shown = response.json().get("user", response.json())
        assert response.status_code == status and shown["id"] == str(me.pk)


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("Bearer nonsense", "token_invalid"),
        ("Bearer", "not_authenticated"),
        ("Bearer a b", "not_authenticated"),
        ("Token abc", "not_authenticated"),
    ],
)
def test_malformed_authorization_is_401(api, header, code):
    api.credentials(HTTP_AUTHORIZATION=header)

    assert error_of(api.get(f"{API}/me"), 401)["code"] == code


def test_expired_access_token_says_so(api):
    token = AccessToken()
    token["user_id"] = str(make_user().pk)
    token.set_exp(lifetime=timedelta(seconds=-1))
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")

    assert error_of(api.get(f"{API}/auth/verify"), 401)["code"] == "token_expired"


def test_verify_tells_when_the_token_ends(api, settings):
    response = bearing(api, make_user(EMAIL)).get(f"{API}/auth/verify")

    ends = timezone.datetime.fromisoformat(response.json()["expires_at"])
    left = ends - timezone.now()
    assert timedelta() < left <= settings.SIMPLE_JWT["ACCESS_TOKEN_LIFETIME"]


@pytest.mark.parametrize("nickname", ["", "   ", "名" * 31, "\u202e反", None, "两\n行"])
def test_bad_nickname_is_refused(api, nickname):
    user = make_user(nickname="旧名")

    response = bearing(api, user).patch(f"{API}/me", {"nickname": nickname})

    user.refresh_from_db()
    assert list(error_of(response, 400)["fields"]) == ["nickname"]
    assert user.nickname == "旧名"


def test_nobody_raises_himself_to_staff(api):
    user = make_user(EMAIL)

    response = bearing(api, user).patch(
        f"{API}/me", {"is_staff": True, "is_superuser": True, "email": "x@example.com", "id": "1"}
    )

    user.refresh_from_db()
    assert response.status_code == 200
    assert (user.is_staff, user.is_superuser, user.email) == (False, False, EMAIL)


def test_me_knows_no_other_methods(api):
    bearing(api, make_user())

    for method in (api.put, api.post, api.delete):
        assert error_of(method(f"{API}/me"), 405)["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("scope", "path"),
    [
        ("email-code-ip", "email-codes"),
        ("login-ip", "register"),
        ("login-ip", "email-login"),
        ("login-ip", "refresh"),
        ("login-ip", "logout"),
    ],
)
def test_one_address_knocks_only_so_often(api, monkeypatch, scope, path):
    monkeypatch.setitem(SimpleRateThrottle.THROTTLE_RATES, scope, "2/minute")
    knocks = [api.post(f"{API}/auth/{path}", {}) for _ in range(3)]

    error = error_of(knocks[2], 429)
    assert error["code"] == "throttled" and 1 <= int(knocks[2]["Retry-After"]) <= 60
    assert [knock.status_code for knock in knocks[:2]] == [400, 400]


def test_too_many_wrong_passwords_are_429_with_retry_after(api, monkeypatch):
    make_user(EMAIL)
    monkeypatch.setattr("accounts.lockout.ATTEMPTS_PER_ADDRESS", 1)
    log_in(api, password="wrong")

    response = log_in(api, password=PASSWORD)

    assert error_of(response, 429)["code"] == "login_throttled"
    assert 890 <= int(response["Retry-After"]) <= 900


@pytest.mark.parametrize(
    ("proxies", "forwarded", "seen"),
    [
        (0, "198.51.100.1", "127.0.0.1"),
        (1, "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        (1, "nonsense", None),
        (1, "fe80::1%eth0", "fe80::1"),
    ],
)
def test_forwarded_address_counts_only_as_far_as_our_own_proxies_reach(
    api, settings, proxies, forwarded, seen
):
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": proxies}
    make_user(EMAIL)

    api.post(
        f"{API}/auth/email-login",
        {"email": EMAIL, "password": PASSWORD},
        HTTP_X_FORWARDED_FOR=forwarded,
        HTTP_USER_AGENT="微信\x00 8.0",
    )

    record = LoginRecord.objects.get()
    assert (record.ip, record.succeeded, record.user_agent) == (seen, True, "微信 8.0")
