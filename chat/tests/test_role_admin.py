"""Operators shape the offered roles, and decide whether readers' own may answer."""

from datetime import timedelta
from functools import partial

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client

from accounts.tests.factories import make_operator
from chat.models import Role
from chat.offered_roles import forget_offered_roles
from chat.services.sessions import create_session
from guoxue.tests.racing import run_together
from knowledge.tests.corpus import LUNYU, load

OFFERED = "/admin/chat/role/"
OWN = "/admin/chat/ownrole/"
ROLES = "/api/v1/roles"


def form_of(role: Role, **changes) -> dict:
    names = (
        *("name", "slug", "description", "system_prompt", "opening_line", "sort_order", "memory_turns"),
        *("temperature_percent", "prompt_budget_tokens", "max_output_tokens", "model"),
    )
    return {
        **{name: getattr(role, name) for name in names},
        "suggested_questions": ",".join(role.suggested_questions),
        "scope_works": ",".join(role.scope_works),
        "scope_categories": role.scope_categories,
        "is_active": "on",
        **changes,
    }


@pytest.fixture
def kongzi(db) -> Role:
    return Role.objects.get(slug="kongzi")


@pytest.fixture
def waiting(reader) -> Role:
    return Role.objects.create(
        owner=reader, name="山长", system_prompt="你是山长。", opening_line="请坐。", review="pending"
    )


def decisions(*roles: Role, decision: str, note: str = "") -> dict:
    data = {"form-TOTAL_FORMS": len(roles), "form-INITIAL_FORMS": len(roles)}
    for number, role in enumerate(roles):
        said = {
            "role_id": role.pk,
            "seen_at": role.updated_at.isoformat(),
            "decision": decision,
            "note": note,
        }
        data |= {f"form-{number}-{name}": value for name, value in said.items()}
    return data


def review(client: Client, *roles: Role, **said):
    address = f"{OWN}review/?ids={','.join(str(role.pk) for role in roles)}"
    return client.post(address, decisions(*roles, **said), follow=True)


def test_offered_and_own_roles_are_listed_apart(admin_client, kongzi, waiting):
    offered = admin_client.get(OFFERED).content.decode()
    own = admin_client.get(OWN).content.decode()

    assert "孔子" in offered and "山长" not in offered
    assert "山长" in own and "孔子" not in own
    assert f"/roles?try={kongzi.id}" in offered
    assert admin_client.get(f"{OFFERED}{waiting.id}/change/").status_code == 302


@pytest.mark.parametrize("address", [OFFERED, OWN])
def test_the_lists_do_not_ask_for_each_row(
    admin_client, reader, waiting, address, django_assert_max_num_queries
):
    for number in range(20):
        Role.objects.create(owner=reader, name=f"第{number}")

    with django_assert_max_num_queries(8):
        admin_client.get(address)


@pytest.mark.parametrize(
    ("change", "field", "reason"),
    [
        ({"scope_works": "论语,推背图"}, "scope_works", "典籍库里没有《推背图》"),
        ({"model": "gpt-nobody-priced"}, "model", "价目表里没有模型 gpt-nobody-priced"),
        ({"scope_categories": ["道部"]}, "scope_categories", "道部"),
        ({"slug": ""}, "slug", "请填写标识"),
        ({"temperature_percent": 201}, "__all__", "role_temperature_range"),
    ],
)
def test_what_a_role_cannot_be_given_is_refused_at_its_field(
    admin_client, tmp_path, kongzi, change, field, reason
):
    load(tmp_path, LUNYU)
    before = Role.objects.filter(id=kongzi.id).values().get()

    response = admin_client.post(f"{OFFERED}{kongzi.id}/change/", form_of(kongzi, **change))

    assert reason in "".join(response.context["adminform"].form.errors[field])
    assert Role.objects.filter(id=kongzi.id).values().get() == before


def test_works_that_a_role_has_already_may_be_missing_from_the_corpus(admin_client, kongzi):
    changed = form_of(
        kongzi, description="新的简介", model="deepseek-chat", scope_categories=["经部", "子部"]
    )

    response = admin_client.post(f"{OFFERED}{kongzi.id}/change/", changed)

    assert response.status_code == 302
    kongzi.refresh_from_db()
    assert (kongzi.description, kongzi.model) == ("新的简介", "deepseek-chat")
    assert (kongzi.scope_categories, kongzi.is_persona) == (["经部", "子部"], False)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["change", "add", "delete", "delete_selected"])
def test_a_saved_role_is_in_the_list_at_once(client_of, monkeypatch, way):
    told = []
    monkeypatch.setattr(
        "chat.admin.roles.forget_offered_roles",
        lambda: told.append(connection.in_atomic_block) or forget_offered_roles(),
    )
    admin_client = Client()
    admin_client.force_login(make_operator())
    kongzi = Role.objects.get(slug="kongzi")
    seen_before = [role["name"] for role in client_of(None).get(ROLES).json()["results"]]

    if way == "change":
        admin_client.post(f"{OFFERED}{kongzi.id}/change/", form_of(kongzi, name="孔夫子"))
    elif way == "add":
        admin_client.post(f"{OFFERED}add/", form_of(kongzi, name="孟子", slug="mengzi", scope_works=""))
    elif way == "delete":
        admin_client.post(f"{OFFERED}{kongzi.id}/delete/", {"post": "yes"})
    else:
        chosen = {"action": "delete_selected", "_selected_action": [kongzi.id], "post": "yes"}
        admin_client.post(OFFERED, chosen)

    seen = [role["name"] for role in client_of(None).get(ROLES).json()["results"]]
    expected = {
        "change": ["孔夫子" if name == "孔子" else name for name in seen_before],
        "add": [*seen_before[:5], "孟子", *seen_before[5:]],
    }.get(way, [name for name in seen_before if name != "孔子"])
    assert sorted(seen) == sorted(expected)
    # Before the commit, whoever asked would have read and kept the old list.
    assert told == [False]


def test_the_role_list_is_kept(client_of, kongzi):
    first = client_of(None).get(ROLES).json()
    Role.objects.filter(id=kongzi.id).update(name="改了，而没有人知道")

    assert client_of(None).get(ROLES).json() == first


@pytest.mark.django_db(transaction=True)
def test_twenty_readers_at_once_read_the_roles_once(client_of, monkeypatch):
    read = []
    offered = Role.objects.offered
    monkeypatch.setattr(Role.objects, "offered", lambda: read.append(1) or offered())

    answers = run_together([partial(client_of(None).get, ROLES)] * 20)

    assert {answer.status_code for answer in answers} == {200}
    assert len(read) == 1


def test_the_role_list_is_there_without_redis(client_of, settings, db):
    settings.REDIS_URL = "redis://127.0.0.1:1/0"

    answers = [client_of(None).get(ROLES) for _ in range(2)]

    assert [len(answer.json()["results"]) for answer in answers] == [7, 7]


@pytest.mark.parametrize(
    ("decision", "note", "state"),
    [("pass", "", "passed"), ("refuse", "冒充官方", "refused"), ("", "随手写的", "pending")],
)
def test_an_operator_decides_on_a_waiting_role(admin_client, waiting, decision, note, state):
    page = admin_client.get(f"{OWN}review/?ids={waiting.pk}").content.decode()
    assert "你是山长。" in page and "请坐。" in page

    review(admin_client, waiting, decision=decision, note=note)

    waiting.refresh_from_db()
    assert (waiting.review, waiting.review_note) == (state, note if decision else "")
    assert LogEntry.objects.filter(object_id=str(waiting.pk)).exists() == bool(decision)


def test_the_review_shows_all_of_a_roles_scope(admin_client, waiting):
    address = f"{OWN}review/?ids={waiting.pk}"
    unlimited = admin_client.get(address).content.decode()
    Role.objects.filter(pk=waiting.pk).update(scope_works=["论语"], scope_categories=["经部", "子部"])

    limited = admin_client.get(address).content.decode()

    assert "全部书目 · 全部部类" in unlimited
    assert "论语 · 经部、子部" in limited


def test_the_action_leads_to_the_review_of_the_chosen(admin_client, waiting):
    response = admin_client.post(OWN, {"action": "review_selected", "_selected_action": [waiting.pk]})

    assert response.url == f"{OWN}review/?ids={waiting.pk}"


def test_a_refusal_needs_its_reason(admin_client, waiting):
    response = review(admin_client, waiting, decision="refuse")

    assert "请写明不通过的原因" in response.content.decode()
    waiting.refresh_from_db()
    assert waiting.review == "pending"


def test_a_role_that_changed_meanwhile_is_not_decided_on(admin_client, waiting):
    seen = Role.objects.get(pk=waiting.pk)
    Role.objects.filter(pk=waiting.pk).update(updated_at=waiting.updated_at + timedelta(seconds=1))

    response = review(admin_client, seen, decision="pass")

    assert "读者刚刚改过这个角色" in response.content.decode()
    waiting.refresh_from_db()
    assert waiting.review == "pending"


@pytest.mark.parametrize(
    "tampered", [{"form-0-seen_at": "昨天"}, {"form-0-role_id": "x"}, {"form-TOTAL_FORMS": "x"}]
)
def test_a_tampered_form_decides_nothing(admin_client, waiting, tampered):
    address = f"{OWN}review/?ids={waiting.pk}"

    response = admin_client.post(address, decisions(waiting, decision="pass") | tampered)

    assert response.status_code == 200
    waiting.refresh_from_db()
    assert waiting.review == "pending"


def test_only_those_who_may_change_own_roles_review_them(waiting):
    clerk = make_operator(is_superuser=False)
    clerk.user_permissions.add(Permission.objects.get(codename="view_ownrole"))
    client = Client()
    client.force_login(clerk)

    seen = client.get(OWN)
    refused = review(client, waiting, decision="pass")

    assert "山长" in seen.content.decode()
    assert refused.status_code == 403
    waiting.refresh_from_db()
    assert waiting.review == "pending"


def test_nobody_edits_a_readers_role(admin_client, waiting):
    answers = [
        admin_client.post(f"{OWN}{waiting.pk}/change/", {"name": "改"}).status_code,
        admin_client.post(f"{OWN}{waiting.pk}/delete/", {"post": "yes"}).status_code,
        admin_client.get(f"{OWN}add/").status_code,
    ]

    assert answers == [403, 403, 403]
    assert Role.objects.get(pk=waiting.pk).name == "山长"


def test_sessions_are_filtered_by_offered_role_or_by_all_own_ones(admin_client, reader, kongzi):
    own = Role.objects.create(owner=reader, name="我的山长")
    create_session(user=reader, role_id=own.id)
    create_session(user=reader, role_id=kongzi.id)

    everything = admin_client.get("/admin/chat/session/").content.decode()
    of_kongzi = admin_client.get(f"/admin/chat/session/?role={kongzi.id}").context["cl"].queryset
    of_own = admin_client.get("/admin/chat/session/?role=own").context["cl"].queryset

    assert "?role=own" in everything and f"?role={own.id}" not in everything
    assert [session.role.name for session in of_kongzi] == ["孔子"]
    assert [session.role.name for session in of_own] == ["我的山长"]
