"""Readers ask for exports, watch, fetch and delete them over REST; nobody gets at somebody else's."""

import uuid
from datetime import timedelta
from urllib.parse import unquote

import pytest
from django.core import signing
from django.utils import timezone

from chat.exporting import places
from chat.exporting.writing import run_export
from chat.models import Export
from chat.services.exports import create_export
from chat.services.sessions import create_session
from chat.tests.exporting import export_dir, exported, files_of

__all__ = ["export_dir"]
URL = "/api/v1/exports"


@pytest.fixture
def spoken(talk, session):
    talk.ask("学而", "时习")
    return session


def code_of(response) -> str:
    return response.json()["error"]["code"]


def test_export_is_asked_for_written_and_fetched(reader, spoken, client_of):
    client = client_of(reader)
    asked = client.post(URL, {"session_ids": [str(spoken.id)], "format": "markdown"})
    run_export(export_id=uuid.UUID(asked.json()["id"]))

    done = client.get(f"{URL}/{asked.json()['id']}").json()
    fetched = client_of(None).get(done["download_url"])

    assert (asked.status_code, asked.json()["status"], asked.json()["download_url"]) == (201, "queued", None)
    assert (done["status"], done["processed"], done["total"], done["error"]) == ("done", 1, 1, None)
    body = b"".join(fetched.streaming_content)
    assert "> 学而" in body.decode()
    assert done["size_bytes"] == len(body) == int(fetched["Content-Length"])
    assert fetched["Cache-Control"] == "private, no-store"
    assert fetched["X-Content-Type-Options"] == "nosniff"
    assert fetched["Content-Type"] == "text/markdown; charset=utf-8"
    day = timezone.localtime().strftime("%Y-%m-%d")
    assert fetched["Content-Disposition"].startswith("attachment; filename*=utf-8''")
    assert unquote(fetched["Content-Disposition"]).endswith(f"国学大师-对话记录-{day}.md")


def test_all_sessions_are_exported_at_once(reader, spoken, talk, client_of):
    talk.session = create_session(user=reader)
    talk.ask("不亦", "说乎")

    answer = client_of(reader).post(URL, {"all": True, "format": "json"}).json()

    assert answer["total"] == 2


@pytest.mark.parametrize(
    "body",
    [
        {"format": "json"},
        {"format": "json", "all": True, "session_ids": [str(uuid.uuid4())]},
        {"format": "json", "session_ids": []},
        {"format": "json", "session_ids": ["x"]},
        {"format": "docx", "all": True},
        {"all": True},
    ],
)
def test_malformed_request_is_refused(reader, spoken, client_of, body):
    answer = client_of(reader).post(URL, body)

    assert (answer.status_code, code_of(answer)) == (400, "invalid_input")
    assert not Export.objects.exists()


def test_somebody_elses_session_is_not_exported(stranger, reader, spoken, client_of):
    own = create_session(user=stranger)

    answer = client_of(stranger).post(
        URL, {"session_ids": [str(own.id), str(spoken.id)], "format": "markdown"}
    )

    assert (answer.status_code, code_of(answer)) == (404, "session_not_found")
    assert not Export.objects.exists()


def test_sessions_without_a_message_make_no_export(reader, session, client_of):
    answer = client_of(reader).post(URL, {"all": True, "format": "markdown"})

    assert (answer.status_code, code_of(answer)) == (409, "nothing_to_export")
    assert not Export.objects.exists()


def test_more_sessions_than_one_export_may_have_are_refused(reader, spoken, talk, settings, client_of):
    settings.EXPORT_MAX_SESSIONS = 1
    talk.session = create_session(user=reader)
    talk.ask("二", "答")

    answer = client_of(reader).post(URL, {"all": True, "format": "markdown"})

    assert (answer.status_code, code_of(answer)) == (409, "export_too_large")
    assert not Export.objects.exists()


def test_a_reader_has_so_many_under_way_and_no_more(reader, spoken, settings, client_of):
    settings.EXPORT_ACTIVE_LIMIT = 2
    for _ in range(2):
        create_export(user=reader, format="json", session_ids=None)

    answer = client_of(reader).post(URL, {"all": True, "format": "markdown"})

    assert (answer.status_code, code_of(answer)) == (409, "export_limit_reached")
    assert Export.objects.count() == 2


def test_a_reader_keeps_so_many_files_and_no_more(reader, spoken, settings, client_of):
    settings.EXPORT_KEPT_LIMIT = 1
    exported(reader, "json")

    answer = client_of(reader).post(URL, {"all": True, "format": "markdown"})

    assert answer.json()["error"]["message"] == "最多保留 1 份导出，请先删除不用的再试。"
    assert Export.objects.count() == 1


def test_exports_are_asked_for_so_often_a_day(reader, spoken, client_of, monkeypatch):
    monkeypatch.setattr("rest_framework.throttling.ScopedRateThrottle.THROTTLE_RATES", {"exports": "1/day"})
    client = client_of(reader)
    client.post(URL, {"all": True, "format": "json"})

    answer = client.post(URL, {"all": True, "format": "json"})

    assert (answer.status_code, code_of(answer)) == (429, "throttled")
    assert Export.objects.count() == 1
    assert client.get(URL).status_code == 200


@pytest.mark.parametrize(
    ("who", "statuses"),
    [("anonymous", [401] * 4), ("stranger", [200, 404, 404, 201]), ("staff", [200, 404, 404, 201])],
)
def test_exports_are_their_readers_alone(reader, talk, spoken, people, client_of, who, statuses):
    export = exported(reader, "json")
    if person := people[who]:
        talk.reader, talk.session = person, create_session(user=person)
        talk.ask("自己的", "话")
    client = client_of(person)

    answers = [
        client.get(URL),
        client.get(f"{URL}/{export.id}"),
        client.delete(f"{URL}/{export.id}"),
        client.post(URL, {"all": True, "format": "json"}),
    ]

    assert [answer.status_code for answer in answers] == statuses
    assert answers[0].json().get("results", []) == []
    assert Export.objects.get(owner=reader).status == "done"
    assert files_of(export.id) == ["export.json"]


def test_list_is_newest_first_by_cursor(reader, spoken, client_of):
    ids = [str(exported(reader, "json").id) for _ in range(3)]

    first = client_of(reader).get(f"{URL}?limit=2").json()
    second = client_of(reader).get(first["next"]).json()

    assert [row["id"] for row in first["results"] + second["results"]] == ids[::-1]


def test_deleted_export_takes_its_file_along(reader, spoken, client_of):
    export = exported(reader, "json")
    link = client_of(reader).get(f"{URL}/{export.id}").json()["download_url"]

    answer = client_of(reader).delete(f"{URL}/{export.id}")

    assert (answer.status_code, Export.objects.count(), files_of(export.id)) == (204, 0, [])
    gone = client_of(None).get(link)
    assert (gone.status_code, code_of(gone)) == (404, "export_not_found")


@pytest.mark.parametrize("signature", ["", "x", "1tN:abc", "zzz:zzz"])
def test_link_that_is_not_ours_opens_nothing(reader, spoken, client_of, signature):
    export = exported(reader, "json")

    answer = client_of(reader).get(f"{URL}/{export.id}/file?signature={signature}")

    assert (answer.status_code, code_of(answer)) == (404, "export_link_invalid")


def test_signature_opens_only_its_own_export(reader, spoken, client_of):
    one, other = exported(reader, "json"), exported(reader, "json")
    link = client_of(reader).get(f"{URL}/{one.id}").json()["download_url"]

    answer = client_of(None).get(link.replace(str(one.id), str(other.id)))

    assert (answer.status_code, code_of(answer)) == (404, "export_link_invalid")


def test_link_ages_and_is_renewed_with_each_look(reader, spoken, client_of, monkeypatch):
    export = exported(reader, "json")
    client, now = client_of(reader), signing.time.time()
    link = client.get(f"{URL}/{export.id}").json()["download_url"]
    monkeypatch.setattr(signing.time, "time", lambda: now + timedelta(minutes=16).total_seconds())

    old = client.get(link)
    renewed = client.get(client.get(f"{URL}/{export.id}").json()["download_url"])

    assert (old.status_code, code_of(old)) == (410, "export_link_expired")
    assert renewed.status_code == 200


def test_expired_export_has_no_link_and_opens_no_more(reader, spoken, client_of):
    export = exported(reader, "json")
    client = client_of(reader)
    link = client.get(f"{URL}/{export.id}").json()["download_url"]
    Export.objects.update(expires_at=timezone.now())

    answer = client.get(link)

    assert (answer.status_code, code_of(answer)) == (410, "export_expired")


def test_disabled_accounts_links_open_nothing(reader, spoken, client_of):
    export = exported(reader, "json")
    link = client_of(reader).get(f"{URL}/{export.id}").json()["download_url"]
    reader.is_active = False
    reader.save()

    assert code_of(client_of(None).get(link)) == "export_not_found"


def test_nginx_hands_the_file_out_where_it_is_told_to(reader, spoken, client_of, settings):
    settings.EXPORT_ACCEL_PREFIX = "/exports-internal/"
    export = exported(reader, "json")

    answer = client_of(None).get(client_of(reader).get(f"{URL}/{export.id}").json()["download_url"])

    assert answer["X-Accel-Redirect"] == f"/exports-internal/{export.id}/export.json"
    assert (answer.content, answer["Content-Type"]) == (b"", "application/json")
    assert places.file_of(export).stat().st_mode & 0o777 == 0o644


def test_file_is_for_our_eyes_only(reader, spoken):
    export = exported(reader, "json")

    modes = [path.stat().st_mode & 0o777 for path in (places.file_of(export), places.folder_of(export.id))]

    assert modes == [0o600, 0o700]
