"""Decides how operators bring a file into the corpus and watch it being loaded."""

from pathlib import Path
from typing import Any, cast

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    JsonResponse,
)
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from accounts.models import User
from knowledge import tasks
from knowledge.forms import UploadForm
from knowledge.ingestion import jobs
from knowledge.models import IngestionJob


@admin.register(IngestionJob)
class IngestionJobAdmin(admin.ModelAdmin[IngestionJob]):
    list_display = (
        "original_name",
        "status",
        "progress",
        "loaded_count",
        "refused_count",
        "requested_by",
        "created_at",
        "finished_at",
    )
    list_filter = ("status", "created_at")
    search_fields = ("original_name", "work_title", "requested_by__email", "requested_by__nickname")
    date_hierarchy = "created_at"
    list_select_related = ("requested_by",)
    fieldsets = (
        (None, {"fields": ("original_name", "work_title", "requested_by")}),
        ("结果", {"fields": ("loaded_count", "refused_count", "error", "works", "refusals")}),
        ("时间", {"fields": ("created_at", "started_at", "finished_at")}),
    )
    readonly_fields = ("works", "refusals")
    form = UploadForm
    change_form_template = "admin/knowledge/ingestionjob/change_form.html"
    show_full_result_count = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[IngestionJob]:
        return super().get_queryset(request).defer("report")

    def get_fieldsets(self, request: HttpRequest, obj: IngestionJob | None = None) -> Any:
        return super().get_fieldsets(request, obj) if obj else ((None, {"fields": ("file", "work_title")}),)

    def get_urls(self) -> list[URLPattern]:
        progress = self.admin_site.admin_view(self.progress_view)
        refusals = self.admin_site.admin_view(self.refusals_view)
        return [
            path("<int:job_id>/progress/", progress, name="knowledge_ingestionjob_progress"),
            path("<int:job_id>/refusals.csv", refusals, name="knowledge_ingestionjob_refusals"),
            *super().get_urls(),
        ]

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: IngestionJob, form: Any, change: bool) -> None:
        """Store the file as a job; once that is committed, hand it to the worker."""
        jobs.submit_job(job=obj, requested_by=cast(User, request.user))
        # A job whose task is lost here is picked up by the periodic sweep.
        transaction.on_commit(lambda: tasks.run_ingestion_job.delay(obj.pk), robust=True)

    def response_add(
        self, request: HttpRequest, obj: IngestionJob, post_url_continue: str | None = None
    ) -> HttpResponse:
        self.message_user(request, f"“{obj.original_name}”已上传，正在导入。")
        return HttpResponseRedirect(reverse("admin:knowledge_ingestionjob_change", args=[obj.pk]))

    def progress_view(self, request: HttpRequest, job_id: int) -> JsonResponse:
        """Return the job's state for the page that watches it."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        job = IngestionJob.objects.defer("report").filter(pk=job_id).first()
        if job is None:
            raise Http404
        return JsonResponse(
            {
                "status": job.status,
                "label": self.progress(job),
                "processed": job.processed_count,
                "total": job.total_count,
                "finished": job.is_finished,
            }
        )

    def refusals_view(self, request: HttpRequest, job_id: int) -> HttpResponseBase:
        """Send the list of all refused records as a file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        job = IngestionJob.objects.defer("report").filter(pk=job_id).first()
        if job is None or not job.refusal_file:
            raise Http404
        name = f"{Path(job.original_name).stem}-被拒绝的记录.csv"
        return FileResponse(job.refusal_file.open("rb"), as_attachment=True, filename=name)

    @admin.display(description="进度")
    def progress(self, job: IngestionJob) -> str:
        if job.status != IngestionJob.Status.RUNNING:
            return job.get_status_display()
        total = f" / {job.total_count}" if job.total_count else ""
        return f"{job.get_stage_display()} {job.processed_count}{total}"

    @admin.display(description="载入的典籍")
    def works(self, job: IngestionJob) -> SafeString:
        rows = (
            (
                work["title"],
                f"{edition} " if (edition := work.get("edition")) else "",
                work["passages"],
                "内容没有变化" if work["unchanged"] else _describe(work["changes"]),
            )
            for work in job.report.get("works", ())
        )
        return format_html_join("", "<div>《{}》{}{} 段：{}</div>", rows) or format_html("{}", "无")

    @admin.display(description="被拒绝的记录")
    def refusals(self, job: IngestionJob) -> SafeString:
        refusals = job.report.get("refusals", [])
        if not refusals:
            return format_html("{}", "无")
        rows = ((refusal["file"], refusal["line"], refusal["reason"]) for refusal in refusals)
        head = format_html("<thead><tr><th>{}</th><th>{}</th><th>{}</th></tr></thead>", "文件", "行", "原因")
        body = format_html_join("", "<tr><td>{}</td><td>{}</td><td>{}</td></tr>", rows)
        return format_html("<table>{}<tbody>{}</tbody></table>{}", head, body, _rest(job, len(refusals)))


def _rest(job: IngestionJob, shown: int) -> SafeString:
    """Say how many refused records the page leaves out, and where all of them are."""
    rest = job.refused_count - shown
    note = format_html("<p>另有 {} 条未列出。</p>", rest) if rest > 0 else SafeString("")
    if not job.refusal_file:
        return note
    address = reverse("admin:knowledge_ingestionjob_refusals", args=[job.pk])
    return format_html('{}<p><a href="{}">下载全部（CSV）</a></p>', note, address)


def _describe(changes: dict[str, int]) -> str:
    """Tell what became of a work's passages; reports of earlier versions know of no updated ones."""
    return "，".join(
        f"{label} {changes.get(key, 0)}"
        for key, label in (
            ("added", "新增"),
            ("moved", "移动"),
            ("updated", "更新"),
            ("kept", "保留"),
            ("removed", "删除"),
        )
    )
