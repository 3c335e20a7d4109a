"""Operators read every measurement of the search in the admin and start one themselves, but change none."""

from pathlib import Path

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from accounts.tests.factories import make_operator, make_user
from knowledge import services
from knowledge.evaluation.runs import run_evaluation
from knowledge.models import EvaluationRun
from knowledge.starter import loading as starter
from knowledge.tests.corpus import DAODEJING, LUNYU, FakeEmbedder, load, use_embedder
from knowledge.tests.evaluation.test_query_sets import query_file
from knowledge.tests.evaluation.test_scoring import ANALECTS, LOST, WATER

pytestmark = pytest.mark.django_db

START = "admin:knowledge_evaluationrun_start"


@pytest.fixture(autouse=True)
def corpus(tmp_path: Path, settings, monkeypatch) -> None:
    settings.SECURE_SSL_REDIRECT = False
    use_embedder(monkeypatch, FakeEmbedder())
    load(tmp_path, LUNYU, DAODEJING)


@pytest.fixture
def runs(tmp_path: Path) -> list[EvaluationRun]:
    path = query_file(tmp_path, ANALECTS, WATER, LOST)
    first = run_evaluation(query_files=[path], label="初测").run
    for row in first.figures:
        row["recall_1"] = 0.75
    first.save()
    return [first, run_evaluation(query_files=[path], label="再测").run]


def client_with(*permissions: str) -> Client:
    user = make_user(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def operator() -> Client:
    client = Client()
    client.force_login(make_operator())
    return client


def test_list_shows_the_headline_figures_in_a_few_queries(
    operator: Client, runs: list[EvaluationRun], django_assert_max_num_queries
) -> None:
    with django_assert_max_num_queries(8):
        page = operator.get(reverse("admin:knowledge_evaluationrun_changelist"), {"q": "测"})

    assert [run.label for run in page.context["cl"].result_list] == ["再测", "初测"]
    content = page.content.decode()
    assert '<td class="field-recall_1">1.000</td>' in content
    assert '<td class="field-recall_1">0.750</td>' in content


def test_page_of_a_run_compares_it_with_the_previous_one(operator: Client, runs: list[EvaluationRun]) -> None:
    first, second = (
        operator.get(reverse("admin:knowledge_evaluationrun_change", args=[run.pk])).content.decode()
        for run in runs
    )

    assert "第一次评测" in first
    assert "<td>今译</td><td>1</td><td>1.000 ▲0.250</td><td>1.000</td>" in second
    assert f"/admin/knowledge/evaluationrun/{runs[0].pk}/change/" in second
    assert "c：语料里没有它的标准答案：“大江东去浪淘尽”" in second


def test_run_is_not_changed_or_deleted_by_hand(operator: Client, runs: list[EvaluationRun]) -> None:
    pages = [
        operator.post(reverse("admin:knowledge_evaluationrun_add")),
        operator.post(reverse("admin:knowledge_evaluationrun_change", args=[runs[0].pk]), {"label": "改"}),
        operator.post(reverse("admin:knowledge_evaluationrun_delete", args=[runs[0].pk]), {"post": "yes"}),
    ]

    assert [page.status_code for page in pages] == [403, 403, 403]
    assert set(EvaluationRun.objects.values_list("label", flat=True)) == {"初测", "再测"}


def test_button_asks_the_shipped_queries_in_the_operators_name(operator: Client) -> None:
    starter.load_starter()

    page = operator.post(reverse(START), follow=True)

    run = EvaluationRun.objects.get()
    assert page.redirect_chain[-1][0] == reverse("admin:knowledge_evaluationrun_change", args=[run.pk])
    assert run.started_by is not None
    assert run.query_file == "queries.jsonl"


def test_button_tells_when_the_corpus_answers_nothing(operator: Client) -> None:
    for work in services.Work.objects.all():
        services.remove_work(work_id=work.pk)

    page = operator.post(reverse(START), follow=True)

    assert "请先导入对应的典籍" in page.content.decode()
    assert not EvaluationRun.objects.exists()


@pytest.mark.parametrize(
    ("permissions", "listed", "started"),
    [((), 403, 403), (("view_evaluationrun",), 200, 403), (("add_evaluationrun",), 403, 302)],
)
def test_staff_do_what_their_permissions_allow(
    permissions: tuple[str, ...], listed: int, started: int, monkeypatch, runs: list[EvaluationRun]
) -> None:
    monkeypatch.setattr(
        "knowledge.admin.evaluations.run_evaluation",
        lambda started_by: type("Evaluation", (), {"run": runs[0]}),
    )
    client = client_with(*permissions)

    statuses = (
        client.get(reverse("admin:knowledge_evaluationrun_changelist")).status_code,
        client.post(reverse(START)).status_code,
    )

    assert statuses == (listed, started)


def test_measurement_is_not_started_by_a_link(operator: Client) -> None:
    assert operator.get(reverse(START)).status_code == 405
    assert Client().post(reverse(START)).status_code == 302
    assert not EvaluationRun.objects.exists()
