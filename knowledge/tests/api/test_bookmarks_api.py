"""Bookmarks over REST: one's own and nobody else's, page by page, and as a file."""

import pytest
from rest_framework.test import APIClient

from accounts.models import User
from accounts.tests.factories import make_operator, make_user
from accounts.tokens import issue_tokens
from knowledge.models import Bookmark, Passage
from knowledge.reading.bookmarks import create_bookmark
from knowledge.tests.shelf import shiji

pytestmark = pytest.mark.django_db
BOOKMARKS = "/api/v1/bookmarks"


@pytest.fixture
def passage() -> Passage:
    shiji()
    return Passage.objects.get(ordinal=3)


@pytest.fixture
def owner() -> User:
    return make_user()


@pytest.fixture
def bookmark(owner: User, passage: Passage) -> Bookmark:
    return create_bookmark(owner=owner, passage_id=passage.pk, quote="彼可取而代也", note="壮哉。")[0]


def client_of(user: User | None) -> APIClient:
    client = APIClient()
    if user is not None:
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {issue_tokens(user).access}")
    return client


def visitor(name: str, owner: User) -> APIClient:
    users = {"anonymous": lambda: None, "stranger": make_user, "owner": lambda: owner, "staff": make_operator}
    return client_of(users[name]())


@pytest.mark.parametrize(
    ("who", "listed", "created", "changed", "deleted", "exported"),
    [
        ("anonymous", 401, 401, 401, 401, 401),
        ("stranger", 0, 201, 404, 404, "\n"),
        ("owner", 1, 201, 200, 204, "彼可取而代也"),
        ("staff", 0, 201, 404, 404, "\n"),
    ],
)
def test_bookmarks_are_their_owners_alone(
    bookmark: Bookmark, owner: User, who: str, listed, created: int, changed: int, deleted: int, exported
) -> None:
    client = visitor(who, owner)
    address = f"{BOOKMARKS}/{bookmark.pk}"

    found = client.get(BOOKMARKS)
    file = client.get(f"{BOOKMARKS}/export?format=plain")
    patched = client.patch(address, {"note": "改。"})
    kept_note = Bookmark.objects.get(pk=bookmark.pk).note
    removed = client.delete(address)
    posted = client.post(BOOKMARKS, {"passage_id": bookmark.passage_id})

    assert (len(found.json()["results"]) if found.status_code == 200 else found.status_code) == listed
    assert (file.content.decode()[:6] if file.status_code == 200 else file.status_code) == exported
    assert (patched.status_code, removed.status_code, posted.status_code) == (changed, deleted, created)
    assert kept_note == ("改。" if who == "owner" else "壮哉。")
    assert Bookmark.objects.filter(pk=bookmark.pk).exists() is (who != "owner")
    if deleted == 404:
        assert removed.json()["error"]["code"] == "bookmark_not_found"


def test_new_bookmark_is_answered_whole(owner: User, passage: Passage) -> None:
    client = client_of(owner)

    response = client.post(BOOKMARKS, {"passage_id": passage.pk, "start": 4, "end": 10, "note": "志。"})
    again = client.post(BOOKMARKS, {"passage_id": passage.pk, "quote": "彼可取而代也", "note": "再志。"})

    assert (response.status_code, again.status_code) == (201, 200)
    body = response.json()
    assert again.json() == body
    assert body == {
        "id": Bookmark.objects.get().pk,
        "passage_id": passage.pk,
        "start": 4,
        "end": 10,
        "text": "彼可取而代也",
        "citation": "《史记·本纪·项羽本纪》",
        "note": "志。",
        "created_at": body["created_at"],
        "updated_at": body["updated_at"],
    }


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "passage_id"),
        ({"passage_id": "一"}, "passage_id"),
        ({"passage_id": 2**63}, "passage_id"),
        ({"passage_id": "{}", "start": -1}, "start"),
        ({"passage_id": "{}", "start": 3, "end": 2}, "end"),
        ({"passage_id": "{}", "quote": "不在其中的话"}, "quote"),
        ({"passage_id": "{}", "note": "字" * 1001}, "note"),
    ],
)
def test_unfit_bookmark_is_refused(owner: User, passage: Passage, body: dict, field: str) -> None:
    if body.get("passage_id") == "{}":
        body = {**body, "passage_id": passage.pk}

    response = client_of(owner).post(BOOKMARKS, body)

    assert response.status_code == 400
    assert list(response.json()["error"]["fields"]) == [field]
    assert not Bookmark.objects.exists()


def test_bookmark_of_no_passage_is_not_found(owner: User, passage: Passage) -> None:
    response = client_of(owner).post(BOOKMARKS, {"passage_id": passage.pk + 99})

    assert (response.status_code, response.json()["error"]["code"]) == (404, "not_found")


def test_full_shelf_is_a_conflict(owner: User, bookmark: Bookmark, monkeypatch) -> None:
    monkeypatch.setattr("knowledge.reading.bookmarks.MAX_BOOKMARKS", 1)

    response = client_of(owner).post(BOOKMARKS, {"passage_id": bookmark.passage_id})

    assert (response.status_code, response.json()["error"]["code"]) == (409, "bookmark_limit_reached")


def test_list_is_newest_first_and_goes_on(owner: User, passage: Passage, django_assert_num_queries) -> None:
    for each in Passage.objects.order_by("ordinal"):
        create_bookmark(owner=owner, passage_id=each.pk)
    client = client_of(owner)

    with django_assert_num_queries(2):
        first = client.get(f"{BOOKMARKS}?limit=4").json()
    second = client.get(first["next"]).json()

    texts = [row["text"] for row in (*first["results"], *second["results"])]
    assert texts == list(Passage.objects.order_by("-ordinal").values_list("text", flat=True))


def test_list_is_narrowed_to_passages(owner: User, passage: Passage) -> None:
    everything = list(Passage.objects.order_by("ordinal"))
    for each in everything:
        create_bookmark(owner=owner, passage_id=each.pk)
    client, (first, second, *_rest) = client_of(owner), everything

    body = client.get(f"{BOOKMARKS}?passage={first.pk}&passage={second.pk}&passage=999999").json()
    too_many = client.get(f"{BOOKMARKS}?" + "&".join(f"passage={key}" for key in range(1, 102)))

    assert {row["passage_id"] for row in body["results"]} == {first.pk, second.pk}
    assert (too_many.status_code, list(too_many.json()["error"]["fields"])) == (400, ["passage"])


def test_citation_follows_the_work_while_it_is_there(owner: User, bookmark: Bookmark) -> None:
    client = client_of(owner)
    work = bookmark.passage.work
    work.title = "太史公书"
    work.save()

    renamed = client.get(BOOKMARKS).json()["results"][0]
    work.delete()
    gone = client.get(BOOKMARKS).json()["results"][0]

    assert renamed["citation"] == "《太史公书·本纪·项羽本纪》"
    assert (gone["passage_id"], gone["text"]) == (None, "彼可取而代也")
    assert gone["citation"] == "《史记·本纪·项羽本纪》"


@pytest.mark.parametrize(
    ("form", "name", "beginning"),
    [
        ("gbt7714", "guoxue-bookmarks.txt", "[1] （西汉）司马迁. 史记: 本纪·项羽本纪[M]. 百衲本.\n"),
        ("plain", "guoxue-bookmarks.txt", "彼可取而代也\n——（西汉）司马迁《史记·本纪·项羽本纪》"),
        ("bibtex", "guoxue-bookmarks.bib", "@book{guoxue-bookmark"),
    ],
)
def test_export_is_a_file_of_the_wanted_form(
    owner: User, bookmark: Bookmark, form: str, name: str, beginning: str, django_assert_num_queries
) -> None:
    client = client_of(owner)

    with django_assert_num_queries(2):
        response = client.get(f"{BOOKMARKS}/export?format={form}", HTTP_ACCEPT="application/json")

    assert response["Content-Type"] == "text/plain; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="{name}"'
    assert response["Cache-Control"] == "private, no-store"
    assert response.content.decode().startswith(beginning)
    assert "壮哉。" in response.content.decode()


def test_export_in_an_unknown_form_is_refused(owner: User) -> None:
    response = client_of(owner).get(f"{BOOKMARKS}/export?format=pdf")

    assert (response.status_code, list(response.json()["error"]["fields"])) == (400, ["format"])


@pytest.mark.parametrize(
    ("method", "address"), [("put", ""), ("delete", ""), ("post", "/export"), ("get", "/1")]
)
def test_other_methods_are_refused(owner: User, method: str, address: str) -> None:
    assert getattr(client_of(owner), method)(f"{BOOKMARKS}{address}").status_code == 405
