"""Decides how operators see what the search was measured to find, and start a measurement themselves."""

from typing import cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.models import User
from guoxue.admin import ReadOnlyAdmin
from knowledge.errors import QueryFileRefused
from knowledge.evaluation.runs import figures_of, previous_run, run_evaluation
from knowledge.evaluation.scoring import METRICS, Figures, describe_share
from knowledge.models import EvaluationRun

SHOWN_SKIPS = 50


@admin.register(EvaluationRun)
class EvaluationRunAdmin(ReadOnlyAdmin[EvaluationRun]):
    list_display = (
        "started_at",
        "query_file",
        "mode",
        "label",
        "queries",
        "recall_1",
        "recall_5",
        "mrr_10",
        "p95",
        "passage_count",
        "code_version",
        "started_by",
    )
    list_filter = ("mode", "query_file")
    search_fields = ("label", "query_file", "code_version")
    date_hierarchy = "started_at"
    list_select_related = ("started_by",)
    readonly_fields = ("results", "skips", "duration")
    fieldsets = (
        (None, {"fields": ("query_file", "selection", "mode", "label", "results")}),
        ("跳过的题", {"fields": ("skipped_count", "skips")}),
        (
            "测的是什么",
            {
                "fields": (
                    "passage_count",
                    "corpus_hash",
                    "embedding_model",
                    "vector_count",
                    "without_vectors",
                    "queries_hash",
                    "code_version",
                )
            },
        ),
        ("经过", {"fields": ("started_by", "started_at", "duration")}),
    )
    show_full_result_count = False
    change_list_template = "admin/knowledge/evaluationrun/change_list.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[EvaluationRun]:
        return super().get_queryset(request).defer("skipped")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.start_view)
        return [path("start/", view, name="knowledge_evaluationrun_start"), *super().get_urls()]

    def start_view(self, request: HttpRequest) -> HttpResponse:
        """Ask the queries that come with the program: some seconds."""
        if not request.user.has_perm("knowledge.add_evaluationrun"):
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            run = run_evaluation(started_by=cast(User, request.user)).run
        except QueryFileRefused as refused:
            messages.error(request, refused.message)
            return HttpResponseRedirect(reverse("admin:knowledge_evaluationrun_changelist"))
        return HttpResponseRedirect(reverse("admin:knowledge_evaluationrun_change", args=[run.pk]))

    @admin.display(description="题数")
    def queries(self, run: EvaluationRun) -> int:
        return _overall(run).queries

    @admin.display(description="R@1")
    def recall_1(self, run: EvaluationRun) -> str:
        return f"{_overall(run).recall_1:.3f}"

    @admin.display(description="R@5")
    def recall_5(self, run: EvaluationRun) -> str:
        return f"{_overall(run).recall_5:.3f}"

    @admin.display(description="MRR@10")
    def mrr_10(self, run: EvaluationRun) -> str:
        return f"{_overall(run).mrr_10:.3f}"

    @admin.display(description="p95（毫秒）")
    def p95(self, run: EvaluationRun) -> str:
        return f"{_overall(run).p95_ms:.0f}"

    @admin.display(description="用时")
    def duration(self, run: EvaluationRun) -> str:
        return f"{run.duration_ms / 1000:.1f} 秒"

    @admin.display(description="结果")
    def results(self, run: EvaluationRun) -> SafeString:
        previous = previous_run(run)
        before = {figures.kind: figures for figures in (figures_of(previous) if previous else ())}
        head = format_html_join("", "<th>{}</th>", ((name,) for name in _HEADINGS))
        rows = (_cells(figures, before.get(figures.kind)) for figures in figures_of(run))
        body = format_html_join("", f"<tr>{'<td>{}</td>' * len(_HEADINGS)}</tr>", rows)
        return format_html(
            "<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>{}", head, body, _compared(previous)
        )

    @admin.display(description="哪些题")
    def skips(self, run: EvaluationRun) -> SafeString:
        rows = ((skip["id"], skip["reason"]) for skip in run.skipped[:SHOWN_SKIPS])
        return format_html_join("", "<div>{}：{}</div>", rows) or format_html("{}", "无")


_HEADINGS = ("类别", "题数", *METRICS, "p50（毫秒）", "p95（毫秒）")


def _overall(run: EvaluationRun) -> Figures:
    return figures_of(run)[-1]


def _cells(figures: Figures, before: Figures | None) -> tuple[str, ...]:
    shares = [describe_share(figures, before, metric) for metric in METRICS]
    return (
        figures.label,
        str(figures.queries),
        *shares,
        f"{figures.p50_ms:.1f}",
        f"{figures.p95_ms:.1f}",
    )


def _compared(previous: EvaluationRun | None) -> SafeString:
    if previous is None:
        return format_html("<p>{}</p>", "这组问题是第一次评测，没有可比较的记录。")
    address = reverse("admin:knowledge_evaluationrun_change", args=[previous.pk])
    return format_html('<p>▲▼ 与<a href="{}">第 {} 次</a>比较。</p>', address, previous.pk)
