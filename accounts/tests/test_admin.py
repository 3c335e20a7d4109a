import re

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.urls import reverse
from rest_framework_simplejwt.token_blacklist.models import BlacklistedToken, OutstandingToken

from accounts import services, tokens
from accounts.errors import TokenInvalid
from accounts.models import EmailCode, LoginRecord, User
from accounts.tests.factories import PASSWORD, make_operator, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator(client):
    operator = make_operator("chief@example.com")
    client.force_login(operator)
    return operator


@pytest.fixture
def clerk(client):
    """One who may change users but is no superuser."""
    clerk = make_user("clerk@example.com", is_staff=True)
    clerk.user_permissions.set(Permission.objects.filter(content_type__app_label="accounts"))
    client.force_login(clerk)
    return clerk


def address(view, model=User, *arguments):
    return reverse(f"admin:accounts_{model._meta.model_name}_{view}", args=arguments)


def page(client, *where):
    response = client.get(address(*where))
    assert response.status_code == 200
    return response.content.decode()


def edit(client, user, **changes):
    """Submit the person's page with some fields changed."""
    where = address("change", User, user.pk)
    form = {"nickname": user.nickname, "email": user.email or "", "is_active": "on", **changes}
    return client.post(where, {name: value for name, value in form.items() if value is not None})


def make_rows(count):
    for _ in range(count):
        user = make_user()
        services.request_email_code(email=user.email, purpose="login", ip="127.0.0.1")
        LoginRecord.objects.create(user=user, method="email_code", ip="192.0.2.1", succeeded=True)


@pytest.mark.parametrize(("model", "queries"), [(User, 7), (EmailCode, 7), (LoginRecord, 7)])
def test_changelist_takes_the_same_few_queries_for_few_rows_and_many(
    client, operator, django_assert_num_queries, model, queries
):
    for _ in range(2):
        make_rows(5)
        with django_assert_num_queries(queries):
            page(client, "changelist", model)


def test_codes_never_show_their_hash(client, operator):
    services.request_email_code(email="reader@example.com", purpose="login", ip=None)
    row = EmailCode.objects.get()

    pages = page(client, "changelist", EmailCode) + page(client, "change", EmailCode, row.pk)

    assert "reader@example.com" in pages and "有效" in pages
    assert row.code_hash not in pages and row.salt not in pages


@pytest.mark.parametrize("model", [EmailCode, LoginRecord])
def test_records_are_read_only(client, operator, model):
    make_rows(1)
    row = model.objects.get()

    assert client.get(address("add", model)).status_code == 403
    assert client.post(address("delete", model, row.pk), {"post": "yes"}).status_code == 403
    assert client.post(address("change", model, row.pk), {}).status_code == 403
    assert "_save" not in page(client, "change", model, row.pk)
    assert model.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("sought", ["du.fu@example.com", "少陵", "id"])
def test_user_is_found_by_address_nickname_and_id(client, operator, sought):
    user = make_user("du.fu@example.com", nickname="少陵野老")
    make_user("li.bai@example.com")

    found = client.get(
        address("changelist"), {"q": str(user.pk) if sought == "id" else sought}
    ).content.decode()

    assert "du.fu@example.com" in found and "li.bai@example.com" not in found


def test_user_page_links_to_what_belongs_to_the_person(client, operator):
    make_rows(2)
    user = User.objects.get(email="chief@example.com")
    LoginRecord.objects.create(user=user, method="admin_password", ip="198.51.100.77", succeeded=True)

    shown = page(client, "change", User, user.pk)

    link = f"{address('changelist', LoginRecord)}?user__id__exact={user.pk}"
    assert f'<a href="{link}">登录记录</a>' in shown
    records = client.get(link).content.decode()
    assert "198.51.100.77" in records and "192.0.2.1" not in records


def test_every_link_to_a_persons_rows_opens(client, operator):
    links = re.findall(r'href="([^"]+__id__exact=[^"]+)"', page(client, "change", User, operator.pk))

    assert links and {client.get(link).status_code for link in links} == {200}


def test_groups_name_their_permissions_in_chinese(client, operator, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        shown = client.get(reverse("admin:auth_group_add")).content.decode()

    assert "账户 | 用户 · 修改" in shown and "Can " not in shown and "Token" not in shown


def test_clerk_in_a_group_may_do_what_the_group_may(client):
    group = Group.objects.create(name="客服")
    group.permissions.set(Permission.objects.filter(codename="view_loginrecord"))
    clerk = make_user(is_staff=True)
    clerk.groups.add(group)
    client.force_login(clerk)

    assert client.get(address("changelist", LoginRecord)).status_code == 200
    assert client.get(address("changelist", User)).status_code == 403


def test_operator_adds_a_user(client, operator):
    page(client, "add")

    response = client.post(
        address("add"),
        {"email": "New@Example.com", "nickname": "新人", "password1": PASSWORD, "password2": PASSWORD},
    )

    user = User.objects.get(email="new@example.com")
    assert response.status_code == 302
    assert user.check_password(PASSWORD) and user.email_verified_at is None


@pytest.mark.parametrize("email", ["", "CHIEF@example.com", "nonsense"])
def test_operator_cannot_add_a_user_with_a_bad_address(client, operator, email):
    response = client.post(
        address("add"), {"email": email, "nickname": "新人", "password1": PASSWORD, "password2": PASSWORD}
    )

    assert response.status_code == 200 and "email" in response.context["adminform"].form.errors
    assert User.objects.count() == 1


def test_changed_address_must_be_proven_again(client, operator):
    user = make_user("old@example.com")

    edit(client, user, email="New@example.com")

    user.refresh_from_db()
    assert (user.email, user.email_verified_at) == ("new@example.com", None)


def test_another_spelling_of_the_address_leaves_it_proven(client, operator):
    user = make_user("same@example.com")

    edit(client, user, email=" SAME@example.com")

    user.refresh_from_db()
    assert user.email == "same@example.com" and user.email_verified_at is not None


def test_changed_nickname_leaves_the_address_proven(client, operator):
    user = make_user("old@example.com")

    edit(client, user, nickname="新名", is_active=None)

    user.refresh_from_db()
    assert (user.nickname, user.is_active, user.email_verified_at is not None) == ("新名", False, True)


def test_user_without_an_address_can_be_edited(client, operator):
    user = User.objects.create_user()

    response = edit(client, user, nickname="无邮")

    user.refresh_from_db()
    assert response.status_code == 302 and (user.nickname, user.email) == ("无邮", None)


def test_new_password_signs_the_person_out(client, operator):
    user = make_user()
    pair = tokens.issue_tokens(user)
    where = reverse("admin:auth_user_password_change", args=[user.pk])
    assert client.get(where).status_code == 200

    client.post(where, {"password1": "xin-mi-ma-8848", "password2": "xin-mi-ma-8848", "set-password": "1"})

    user.refresh_from_db()
    assert user.check_password("xin-mi-ma-8848")
    with pytest.raises(TokenInvalid):
        tokens.rotate_refresh_token(pair.refresh)


def test_action_signs_people_out(client, operator):
    user = make_user()
    pair = tokens.issue_tokens(user)

    response = client.post(
        address("changelist"), {"action": "sign_out_everywhere", "_selected_action": [user.pk]}, follow=True
    )

    assert "已作废 1 位用户的 1 个登录凭证" in response.content.decode()
    with pytest.raises(TokenInvalid):
        tokens.rotate_refresh_token(pair.refresh)


def test_clerk_cannot_give_himself_powers(client, clerk):
    response = edit(client, clerk, nickname="小吏", is_superuser="on", is_staff="on")

    clerk.refresh_from_db()
    assert response.status_code == 302
    assert (clerk.nickname, clerk.is_superuser) == ("小吏", False)


@pytest.mark.parametrize(
    "powers", [{"is_staff": True}, {"is_superuser": True}], ids=lambda it: next(iter(it))
)
def test_clerk_cannot_touch_another_operator(client, clerk, powers):
    chief = make_user("chief@example.com", nickname="主管", **powers)
    pair = tokens.issue_tokens(chief)
    password = {"password1": "xin-mi-ma-8848", "password2": "xin-mi-ma-8848", "set-password": "1"}

    answers = [
        edit(client, chief, nickname="改名", is_active=None),
        client.post(reverse("admin:auth_user_password_change", args=[chief.pk]), password),
        client.post(address("delete", User, chief.pk), {"post": "yes"}),
    ]
    client.post(address("changelist"), {"action": "sign_out_everywhere", "_selected_action": [chief.pk]})
    client.post(
        address("changelist"), {"action": "delete_selected", "_selected_action": [chief.pk], "post": "yes"}
    )

    chief.refresh_from_db()
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert (chief.nickname, chief.is_active) == ("主管", True) and chief.check_password(PASSWORD)
    tokens.rotate_refresh_token(pair.refresh)


@pytest.mark.parametrize(("who", "status"), [("clerk", 403), ("chief", 302)])
def test_only_a_superuser_writes_groups(client, who, status):
    group = Group.objects.create(name="客服")
    group.permissions.set(Permission.objects.filter(content_type__app_label__in=["accounts", "auth"]))
    user = make_user(is_staff=True, is_superuser=who == "chief")
    user.groups.add(group)
    client.force_login(user)
    wanted = Permission.objects.get(codename="adjust_wallet")

    answers = [
        client.post(reverse("admin:auth_group_add"), {"name": "新组"}),
        client.post(
            reverse("admin:auth_group_change", args=[group.pk]), {"name": "客服", "permissions": [wanted.pk]}
        ),
    ]
    raised = Group.objects.filter(permissions=wanted).exists()
    answers.append(client.post(reverse("admin:auth_group_delete", args=[group.pk]), {"post": "yes"}))

    assert [answer.status_code for answer in answers] == [status] * 3
    assert raised is (who == "chief")
    assert set(Group.objects.values_list("name", flat=True)) == ({"客服"} if who == "clerk" else {"新组"})


def test_permission_to_write_groups_is_not_on_offer(client, operator):
    shown = client.get(reverse("admin:auth_group_add")).content.decode()

    assert "用户 · 修改" in shown and "组 · 修改" not in shown


@pytest.mark.parametrize("who", ["anonymous", "reader"])
def test_admin_is_closed_to_readers(client, who):
    if who == "reader":
        client.force_login(make_user())

    for model in (User, EmailCode, LoginRecord):
        assert client.get(address("changelist", model)).status_code == 302


def test_tokens_are_not_in_the_way(client, operator):
    assert not admin.site.is_registered(OutstandingToken) and not admin.site.is_registered(BlacklistedToken)
