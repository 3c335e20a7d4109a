"""Decides what an operator may enter: a file for the corpus, a query for the search test."""

import re
from pathlib import Path
from typing import Any, ClassVar

from django import forms
from django.contrib.postgres.forms import SimpleArrayField
from django.core.files.uploadedfile import UploadedFile

from knowledge.formats import SUFFIXES
from knowledge.ingestion.unpacking import ARCHIVE_SUFFIX
from knowledge.models import Category, IngestionJob, Work

MAX_UPLOAD_BYTES = 64 * 1024 * 1024
UPLOAD_SUFFIXES = (*SUFFIXES, ARCHIVE_SUFFIX)


class NamesField(SimpleArrayField):
    """Takes several names at once, as people write them one after the other."""

    def __init__(self, **options: Any) -> None:
        super().__init__(forms.CharField(max_length=100), delimiter="、", **options)

    def to_python(self, value: Any) -> Any:
        """Part the names at 、，and , and drop what is empty or comes again."""
        names = re.split("[、，,]", value) if isinstance(value, str) else value or []
        return list(dict.fromkeys(filter(None, map(str.strip, names))))


class WorkForm(forms.ModelForm[Work]):
    aliases = NamesField(
        label="别名", required=False, help_text="几个别名用顿号或逗号隔开，如“老子、道德真经”。"
    )


class UploadForm(forms.ModelForm[IngestionJob]):
    class Meta:
        model = IngestionJob
        fields = ("file", "work_title")
        help_texts: ClassVar[dict[str, str]] = {
            "file": (
                f"{'、'.join(UPLOAD_SUFFIXES)} 文件，编码自动识别；.zip 里可以放一个文件夹。"
                "库中已有同名、同版本的典籍时，以文件的内容为准。"
            ),
        }

    def clean_file(self) -> UploadedFile[bytes]:
        file: UploadedFile[bytes] = self.cleaned_data["file"]
        if Path(file.name or "").suffix.lower() not in UPLOAD_SUFFIXES:
            raise forms.ValidationError(f"不支持这种格式；目前支持 {'、'.join(UPLOAD_SUFFIXES)}。")
        if (file.size or 0) > MAX_UPLOAD_BYTES:
            raise forms.ValidationError(
                f"文件超过 {MAX_UPLOAD_BYTES // 1024**2} MB，请用命令 ingest_corpus 导入。"
            )
        return file


class SearchTestForm(forms.Form):
    q = forms.CharField(label="查询", max_length=500, widget=forms.TextInput(attrs={"size": 60}))
    mode = forms.ChoiceField(
        label="方式", choices=[("hybrid", "混合检索"), ("line", "半句寻句")], required=False, initial="hybrid"
    )
    work = forms.ModelChoiceField(
        label="典籍", queryset=Work.objects.only("title"), required=False, empty_label="全部"
    )
    category = forms.ChoiceField(label="部类", choices=[("", "全部"), *Category.choices], required=False)
    limit = forms.IntegerField(label="条数", min_value=1, max_value=50, initial=20, required=False)
