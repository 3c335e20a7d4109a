"""Operators read the corpus, bring files into it and see how a search comes to its result."""

from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from accounts.models import User
from knowledge import tasks
from knowledge.admin.works import WorkAdmin
from knowledge.models import Embedding, IndexSegment, IngestionJob, Passage, Section, Work
from knowledge.tests.corpus import DAODEJING, LUNYU, FakeEmbedder, load, use_embedder
from knowledge.vectors import filling

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def small_corpus(tmp_path: Path, settings, monkeypatch) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.SECURE_SSL_REDIRECT = False
    use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU, DAODEJING)
    filling.embed_missing()


@pytest.fixture
def operator() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("operator@example.org", "x"))
    return client


def staff_with(*permissions: str) -> Client:
    user = User.objects.create_user("staff@example.org", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize(
    ("model", "queries", "text"),
    [
        (Work, 9, "2 篇"),
        (Section, 8, "为政"),
        (Passage, 8, "学而不思则罔"),
        (Embedding, 7, "fake-model"),
        (IndexSegment, 5, ""),
        (IngestionJob, 7, "导入任务"),
    ],
)
def test_lists_are_read_in_a_few_queries(
    operator: Client, django_assert_max_num_queries, model, queries: int, text: str
) -> None:
    address = reverse(f"admin:knowledge_{model._meta.model_name}_changelist")

    with django_assert_max_num_queries(queries):
        response = operator.get(address)

    assert response.status_code == 200
    assert text in response.content.decode()


@pytest.mark.parametrize("model", [Work, Section, Passage, Embedding, IndexSegment, IngestionJob])
@pytest.mark.parametrize("query", ["论语", "学而", "abc", "'\\%", "12"])
def test_every_list_can_be_searched(operator: Client, model, query: str) -> None:
    address = reverse(f"admin:knowledge_{model._meta.model_name}_changelist")

    assert operator.get(address, {"q": query}).status_code == 200


@pytest.mark.parametrize("model", [Work, Section, Passage, Embedding, IndexSegment])
def test_every_row_opens(operator: Client, model) -> None:
    row = model.objects.first()

    response = operator.get(reverse(f"admin:knowledge_{model._meta.model_name}_change", args=[row.pk]))

    assert response.status_code == 200


def test_works_lead_down_to_sections_and_passages(operator: Client) -> None:
    work = Work.objects.get(title="论语")
    section = work.sections.get(title="为政")

    works = operator.get(reverse("admin:knowledge_work_changelist")).content.decode()
    sections = operator.get(reverse("admin:knowledge_section_changelist"), {"work__id__exact": work.pk})
    passages = operator.get(reverse("admin:knowledge_passage_changelist"), {"section__id__exact": section.pk})

    assert f"/admin/knowledge/section/?work__id__exact={work.pk}" in works
    assert f"/admin/knowledge/passage/?section__id__exact={section.pk}" in sections.content.decode()
    assert passages.context["cl"].result_count == 4


def test_passages_are_found_by_their_characters(operator: Client) -> None:
    response = operator.get(reverse("admin:knowledge_passage_changelist"), {"q": "學而不思，則罔"})

    assert [passage.ordinal for passage in response.context["cl"].result_list] == [5]


def test_lists_do_not_read_whole_texts(operator: Client, django_assert_max_num_queries) -> None:
    with django_assert_max_num_queries(20) as captured:
        operator.get(reverse("admin:knowledge_passage_changelist"))
        operator.get(reverse("admin:knowledge_embedding_changelist"))

    for query in captured.captured_queries:
        selected = query["sql"].split(" FROM ")[0].replace('LEFT("knowledge_passage"."text", 41)', "")
        assert '"knowledge_passage"."text"' not in selected
        assert '"knowledge_embedding"."vector"' not in selected


@pytest.mark.parametrize("model", [Section, Passage, Embedding, IndexSegment])
def test_what_ingestion_writes_is_not_edited_by_hand(operator: Client, model) -> None:
    name, row = model._meta.model_name, model.objects.first()

    added = operator.post(reverse(f"admin:knowledge_{name}_add"))
    changed = operator.post(reverse(f"admin:knowledge_{name}_change", args=[row.pk]))
    deleted = operator.post(reverse(f"admin:knowledge_{name}_delete", args=[row.pk]), {"post": "yes"})

    assert (added.status_code, changed.status_code, deleted.status_code) == (403, 403, 403)


def test_edited_details_are_remembered_as_edited(operator: Client) -> None:
    work = Work.objects.get(title="论语")
    values = {
        "aliases": "论,语录",
        "author": "孔门弟子",
        "dynasty": "春秋",
        "category": "经部",
        "edition": "别本",
    }

    operator.post(reverse("admin:knowledge_work_change", args=[work.pk]), values)

    work.refresh_from_db()
    assert (work.author, work.title, work.edition) == ("孔门弟子", "论语", "通行本")
    assert work.edited_at is not None


def test_deleted_work_leaves_the_index_to_be_rebuilt(operator: Client) -> None:
    work = Work.objects.get(title="论语")
    address = reverse("admin:knowledge_work_delete", args=[work.pk])

    question = operator.get(address).content.decode()
    operator.post(address, {"post": "yes"})

    assert "连同 6 段原文" in question
    assert set(Passage.objects.values_list("work__title", flat=True)) == {"道德经"}
    assert IndexSegment.objects.filter(is_stale=True).exists()


def test_several_works_are_deleted_by_the_action(operator: Client) -> None:
    ids = list(Work.objects.values_list("pk", flat=True))
    values = {"action": "delete_selected", "_selected_action": ids, "post": "yes"}

    operator.post(reverse("admin:knowledge_work_changelist"), values)

    assert not Passage.objects.exists()


def upload(client: Client, name: str, content: str | bytes, work_title: str = "") -> object:
    data = content.encode() if isinstance(content, str) else content
    values = {"file": SimpleUploadedFile(name, data), "work_title": work_title}
    return client.post(reverse("admin:knowledge_ingestionjob_add"), values, follow=True)


def test_uploaded_file_is_handed_to_the_worker_after_the_commit(
    operator: Client, monkeypatch, django_capture_on_commit_callbacks
) -> None:
    enqueued: list[int] = []
    monkeypatch.setattr(tasks.run_ingestion_job, "delay", enqueued.append)

    with django_capture_on_commit_callbacks(execute=True):
        response = upload(operator, "千字文.txt", "天地玄黄。\n宇宙洪荒。\n")

    job = IngestionJob.objects.get()
    assert enqueued == [job.pk]
    assert (job.status, job.original_name, job.requested_by.email) == (
        "queued",
        "千字文.txt",
        "operator@example.org",
    )
    page = response.content.decode()
    assert f'data-url="/admin/knowledge/ingestionjob/{job.pk}/progress/"' in page
    assert "job-progress.js" in page
    assert "<script>" not in page


def test_lost_broker_does_not_lose_the_upload(
    operator: Client, monkeypatch, django_capture_on_commit_callbacks
) -> None:
    def refuse(_job_id: int) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(tasks.run_ingestion_job, "delay", refuse)

    with django_capture_on_commit_callbacks(execute=True):
        response = upload(operator, "千字文.txt", "天地玄黄。")

    assert response.status_code == 200
    assert IngestionJob.objects.get().status == "queued"


@pytest.mark.parametrize(("name", "content"), [("书.rar", b"Rar!"), ("书.txt", b"")])
def test_unusable_upload_is_refused_at_once(operator: Client, name: str, content: bytes) -> None:
    response = upload(operator, name, content)

    assert response.status_code == 200
    assert "file" in response.context["adminform"].form.errors
    assert not IngestionJob.objects.exists()


def test_finished_job_shows_its_works_and_refusals(operator: Client, monkeypatch) -> None:
    monkeypatch.setattr(tasks.run_ingestion_job, "delay", lambda job_id: None)
    upload(
        operator, "书.jsonl", '{"work": "书", "text": "天地玄黄"}\n{"text": "<script>alert(1)</script>"}\n'
    )
    job = IngestionJob.objects.get()
    tasks.run_ingestion_job(job.pk)

    page = operator.get(reverse("admin:knowledge_ingestionjob_change", args=[job.pk])).content.decode()

    assert "《书》1 段：新增 1" in page
    assert "<td>书.jsonl</td><td>2</td><td>没有汉字。</td>" in page
    assert "job-progress.js" not in page


def test_all_refused_records_can_be_downloaded(operator: Client) -> None:
    upload(operator, "书.jsonl", '{"work": "书", "text": "天地玄黄"}\n{"text": "=abc"}\n')
    job = IngestionJob.objects.get()
    tasks.run_ingestion_job(job.pk)
    address = reverse("admin:knowledge_ingestionjob_refusals", args=[job.pk])

    page = operator.get(reverse("admin:knowledge_ingestionjob_change", args=[job.pk])).content.decode()
    response = operator.get(address)

    assert f'<a href="{address}">' in page
    assert "filename*=utf-8''%E4%B9%A6-" in response["Content-Disposition"]
    assert b"".join(response.streaming_content).decode("utf-8-sig").splitlines() == [
        "文件,行,原因",
        "书.jsonl,2,没有汉字。",
    ]


def test_job_without_refusals_has_nothing_to_download(operator: Client) -> None:
    job = IngestionJob.objects.create(original_name="书.md", status="completed")

    for key in (job.pk, 0):
        address = reverse("admin:knowledge_ingestionjob_refusals", args=[key])
        assert operator.get(address).status_code == 404


def test_progress_is_told_as_json(operator: Client, django_assert_max_num_queries) -> None:
    job = IngestionJob.objects.create(
        original_name="书.md", status="running", stage="embedding", processed_count=3, total_count=9
    )
    address = reverse("admin:knowledge_ingestionjob_progress", args=[job.pk])

    with django_assert_max_num_queries(3):
        body = operator.get(address).json()

    assert body == {
        "status": "running",
        "label": "生成向量 3 / 9",
        "processed": 3,
        "total": 9,
        "finished": False,
    }
    assert operator.get(reverse("admin:knowledge_ingestionjob_progress", args=[0])).status_code == 404


def test_search_test_shows_every_rank_and_score(operator: Client) -> None:
    address = reverse("admin:knowledge_search_test")

    empty = operator.get(address)
    response = operator.get(address, {"q": "“学而不思则罔”出自哪里", "limit": 5})

    assert empty.status_code == 200
    result = response.context["result"]
    assert (result.hits[0].citation, len(result.hits)) == ("《论语·为政》", 5)
    page = response.content.decode()
    assert "语义名次" in page
    assert "字面分" in page
    assert "style=" not in page.split("<main")[1]


def test_search_test_keeps_to_its_scope(operator: Client) -> None:
    work = Work.objects.get(title="道德经")

    by_work = operator.get(reverse("admin:knowledge_search_test"), {"q": "知者", "work": work.pk})
    by_category = operator.get(reverse("admin:knowledge_search_test"), {"q": "知者", "category": "经部"})

    assert {hit.work for hit in by_work.context["result"].hits} == {"道德经"}
    assert {hit.work for hit in by_category.context["result"].hits} == {"论语"}


@pytest.mark.parametrize(
    ("permissions", "search", "upload_form", "progress", "refusals"),
    [
        ((), 403, 403, 403, 403),
        (("view_passage",), 200, 403, 403, 403),
        (("add_ingestionjob",), 403, 200, 403, 403),
        (("view_ingestionjob",), 403, 403, 200, 404),
    ],
)
def test_staff_see_what_their_permissions_allow(
    permissions: tuple[str, ...], search: int, upload_form: int, progress: int, refusals: int
) -> None:
    client = staff_with(*permissions)
    job = IngestionJob.objects.create(original_name="书.md")

    statuses = (
        client.get(reverse("admin:knowledge_search_test")).status_code,
        client.get(reverse("admin:knowledge_ingestionjob_add")).status_code,
        client.get(reverse("admin:knowledge_ingestionjob_progress", args=[job.pk])).status_code,
        client.get(reverse("admin:knowledge_ingestionjob_refusals", args=[job.pk])).status_code,
    )

    assert statuses == (search, upload_form, progress, refusals)


@pytest.mark.parametrize(
    "address",
    [
        "work/search-test/",
        "ingestionjob/add/",
        "ingestionjob/1/progress/",
        "ingestionjob/1/refusals.csv",
        "work/",
    ],
)
def test_strangers_are_sent_to_the_login(address: str) -> None:
    response = Client().get(f"/admin/knowledge/{address}")

    assert response.status_code == 302
    assert "/admin/login/" in response.url


def test_app_page_leads_to_upload_and_search_test(operator: Client) -> None:
    page = operator.get(reverse("admin:app_list", args=["knowledge"])).content.decode()

    assert reverse("admin:knowledge_ingestionjob_add") in page
    assert reverse("admin:knowledge_search_test") in page


def details(**changed: str) -> dict[str, str]:
    return {
        "aliases": "论、语录",
        "author": "孔子弟子",
        "dynasty": "春秋",
        "category": "经部",
        "license": "公有领域",
    } | changed


def save_work(client: Client, work: Work, **changed: str) -> None:
    client.post(reverse("admin:knowledge_work_change", args=[work.pk]), details(**changed))
    work.refresh_from_db()


def test_aliases_are_parted_as_people_write_them(operator: Client) -> None:
    work = Work.objects.get(title="论语")

    page = operator.get(reverse("admin:knowledge_work_change", args=[work.pk])).content.decode()
    save_work(operator, work, aliases=" 老子、道德真经，五千言,老子,")

    assert 'value="论、语录"' in page
    assert "用顿号或逗号隔开" in page
    assert work.aliases == ["老子", "道德真经", "五千言"]


def test_saving_without_a_change_is_no_edit(operator: Client) -> None:
    work = Work.objects.get(title="论语")

    save_work(operator, work)

    assert work.edited_at is None


def test_edit_does_not_put_back_what_ingestion_has_written_meanwhile(operator: Client, monkeypatch) -> None:
    work = Work.objects.get(title="论语")
    save_model = WorkAdmin.save_model

    def save_after_loading(*arguments: object) -> None:
        """Save a row that was read before ingestion has written it."""
        Work.objects.filter(pk=work.pk).update(content_hash="new", passage_count=7)
        save_model(*arguments)

    monkeypatch.setattr(WorkAdmin, "save_model", save_after_loading)
    save_work(operator, work, author="孔门弟子")

    assert (work.author, work.content_hash, work.passage_count) == ("孔门弟子", "new", 7)
    assert work.edited_at is not None
