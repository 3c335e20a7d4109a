"""Decides what operators do with chosen works: have their texts checked, download one as a file."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from django.contrib import admin, messages
from django.db.models import QuerySet, Sum
from django.http import FileResponse, HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse

from knowledge.errors import ExportRefused
from knowledge.exporting.export import Export, export_work, file_name
from knowledge.exporting.export_formats import ExportFormat
from knowledge.linting.lint import lint_works
from knowledge.linting.lint_rules import Summary
from knowledge.models import Work

MAX_LINTED_PASSAGES = 30_000
SHOWN_FINDINGS = 20

Action: TypeAlias = Callable[[admin.ModelAdmin[Work], HttpRequest, QuerySet[Work]], HttpResponseBase | None]


@admin.action(description="检查文字", permissions=["view"])
def lint_selected(
    model_admin: admin.ModelAdmin[Work], request: HttpRequest, works: QuerySet[Work]
) -> HttpResponseBase | None:
    """Show what is wrong with the texts of the works, as far as a page can hold it."""
    chosen = Work.objects.filter(pk__in=works.values("pk"))
    passages = chosen.aggregate(total=Sum("passage_count"))["total"] or 0
    if passages > MAX_LINTED_PASSAGES:
        text = f"所选典籍共 {passages} 段，超过 {MAX_LINTED_PASSAGES} 段，请用命令 lint_corpus 检查。"
        model_admin.message_user(request, text, messages.ERROR)
        return None
    summary = Summary(SHOWN_FINDINGS)
    for finding in lint_works(chosen):
        summary.add(finding)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": "检查文字",
        "works": chosen,
        "rows": summary.rows,
        "shown": SHOWN_FINDINGS,
    }
    return TemplateResponse(request, "admin/knowledge/work/lint.html", context)


def _export_as(export_format: ExportFormat) -> Action:
    @admin.action(description=f"导出为 {export_format.label}", permissions=["view"])
    def export(
        model_admin: admin.ModelAdmin[Work], request: HttpRequest, works: QuerySet[Work]
    ) -> HttpResponseBase | None:
        """Send the one chosen work as a file, or say why it cannot be had in this format."""
        chosen = list(Work.objects.filter(pk__in=works.values("pk"))[:2])
        if len(chosen) != 1:
            model_admin.message_user(request, "一次只能导出一部典籍，请只选一部。", messages.ERROR)
            return None
        try:
            export, response = _download(chosen[0], export_format)
        except ExportRefused as refused:
            model_admin.message_user(request, refused.message, messages.ERROR)
            return None
        if export.caution:
            # A download brings no page with it: this stands on the next one.
            text = f"{chosen[0]}已导出。{export.caution}"
            model_admin.message_user(request, text, messages.WARNING)
        return response

    export.__name__ = f"export_as_{export_format}"
    return export


def _download(work: Work, export_format: ExportFormat) -> tuple[Export, FileResponse]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"work{export_format.suffix}"
        export = export_work(work=work, export_format=export_format, path=path)
        # The open file outlives its name and goes when the response is closed.
        name = file_name(work, export_format)
        return export, FileResponse(path.open("rb"), as_attachment=True, filename=name)


EXPORT_ACTIONS = tuple(map(_export_as, ExportFormat))
