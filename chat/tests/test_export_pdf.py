"""Conversations on paper: Chinese glyphs embedded, verdicts and labels on the page, metadata inside, no network."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pikepdf
import pypdfium2
import pytest

from chat import errors
from chat.exporting import pdf_form, pdf_render, pdf_support, places
from chat.exporting.writing import run_export
from chat.labels import LABEL, implicit_label, label_of
from chat.models import Export, Message
from chat.services.exports import create_export
from chat.services.sessions import rename_session
from chat.tests.exporting import FORGED, QUOTE, SOURCE, export_dir, exported, files_of, make_conversations

__all__ = ["export_dir"]
MISSING = pdf_support.what_is_missing()
if not MISSING:
    from weasyprint import HTML
needs_pdf = pytest.mark.skipif(bool(MISSING), reason=f"this machine makes no PDF: {MISSING} is missing")


def pages_of(export: Export) -> list[str]:
    assert export.status == "done", (export.status, export.error_code)
    with pypdfium2.PdfDocument(places.file_of(export)) as document:
        return [page.get_textpage().get_text_range().replace("\r\n", "\n") for page in document]


def text_of(export: Export) -> str:
    return "\n".join(pages_of(export))


def outline_of(export: Export) -> list[tuple[str, int]]:
    with pikepdf.open(places.file_of(export)) as pdf, pdf.open_outline() as outline:
        return [(item.title, pikepdf.Page(item.destination[0]).index) for item in outline.root]


@pytest.fixture
def reply(talk) -> Message:
    reply = talk.ask("「学而不思则罔」出自哪里？", "「学而不思则罔」，「上善如酒」。见 [1]。")
    Message.objects.filter(id=reply.id).update(sources=[SOURCE], quotes=[QUOTE, FORGED])
    return reply


@needs_pdf
def test_page_has_question_reply_verdicts_sources_and_labels(reader, session, reply):
    rename_session(user=reader, session_id=session.id, title="学与思")
    export = exported(reader, "pdf")

    (page,) = pages_of(export)

    expected = (
        *("学与思", "「学而不思则罔」出自哪里？", "「学而不思则罔」，「上善如酒」。见 [1]。"),
        *("✓ 原文「学而不思则罔」：原文核对无误：《论语·为政》", "✗ 未见「上善如酒」：典籍库中未见此句"),
        *("[1] 《论语·为政》：子曰：「学而不思则罔，思而不学则殆。」", label_of(reply)),
        *(f"内容编号 {reply.id}", f"文件编号 {export.id}", "第 1 页", "同一问题的其他版本没有导出"),
    )
    flat = page.replace("\n", "")
    assert [words for words in expected if words not in flat] == []
    # At the head, and at the foot of the page.
    assert flat.count(LABEL) >= 2


@needs_pdf
def test_chinese_glyphs_are_embedded(reader, reply):
    export = exported(reader, "pdf")

    with pikepdf.open(places.file_of(export)) as pdf:
        fonts = [font for page in pdf.pages for font in page.resources.Font.values()]
        embedded = [
            str(descendant.FontDescriptor.FontName)
            for font in fonts
            for descendant in font.DescendantFonts
            if any(name in descendant.FontDescriptor for name in ("/FontFile", "/FontFile2", "/FontFile3"))
        ]

    assert len(embedded) == len(fonts) > 0
    assert any("CJK" in name or "Han" in name or "Song" in name for name in embedded)


@needs_pdf
def test_file_carries_the_label_where_machines_read_it(reader, reply):
    export = exported(reader, "pdf")
    block = implicit_label(export.id).as_dict()["AIGC"]

    with pikepdf.open(places.file_of(export)) as pdf, pdf.open_metadata() as metadata:
        found = [
            json.loads(str(pdf.docinfo["/AIGC"])),
            json.loads(metadata["{http://www.tc260.org.cn/ns/AIGC/1.0/}AIGC"]),
        ]
        language = str(pdf.Root.Lang)

    assert found == [block, block]
    assert language == "zh-Hans"


@needs_pdf
def test_withheld_text_never_comes_out(reader, talk):
    withheld = talk.ask("甲", "不当的话")
    Message.objects.filter(id=withheld.id).update(flag="blocked", sources=[SOURCE], quotes=[QUOTE])

    text = text_of(exported(reader, "pdf"))

    assert "这条内容未通过审核，没有导出。" in text
    assert [words for words in ("不当", "学而不思") if words in text] == []


@needs_pdf
def test_what_others_wrote_stays_text(reader, session, talk):
    rename_session(user=reader, session_id=session.id, title="<b>题</b>")
    talk.ask("<script>x</script>\n{% now 'Y' %}", "<img src='http://127.0.0.1:9/x.png'> 正文")

    flat = text_of(exported(reader, "pdf")).replace("\n", "")

    expected = ("<b>题</b>", "<script>x</script>", "{% now 'Y' %}", "正文")
    assert [words for words in expected if words not in flat] == []


@pytest.fixture
def bait() -> Iterator[ThreadingHTTPServer]:
    """A server that remembers what it was asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.server.asked.append(self.path)  # type: ignore[attr-defined]
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []  # type: ignore[attr-defined]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@needs_pdf
def test_nothing_is_fetched(tmp_path, bait):
    secret = tmp_path / "secret.txt"
    secret.write_text("SECRET")
    site = f"http://127.0.0.1:{bait.server_port}"
    html = (
        f"<p>前<img src='{site}/a.png'><style>@import url('{site}/b.css'); p {{ background: url('{site}/c.png') }}"
        f"</style><link rel=stylesheet href='{site}/d.css'><link rel=attachment href='file://{secret}'>后"
    )
    source, target = tmp_path / "page.html", tmp_path / "page.pdf"
    source.write_text(html)

    pdf_render.render(source, target)
    asked = list(bait.asked)
    # The control: without our refusal all of it would be asked for.
    HTML(string=html).write_pdf(tmp_path / "control.pdf")

    assert asked == []
    assert sorted(bait.asked) == ["/a.png", "/b.css", "/c.png", "/d.css"]
    with pikepdf.open(target) as pdf, pikepdf.open(tmp_path / "control.pdf") as control:
        assert (len(pdf.attachments), len(control.attachments)) == (0, 1)


@needs_pdf
def test_long_exports_are_laid_out_in_pieces_with_pages_and_outline_in_order(reader, monkeypatch):
    monkeypatch.setattr(pdf_form, "FULL_CHARACTERS", 4_000)
    layouts, run = [], pdf_form._run
    monkeypatch.setattr(pdf_form, "_run", lambda *files: layouts.append(files[0]) or run(*files))
    make_conversations(reader, 5, "学而时习之，不亦说乎。" * 200)

    export = exported(reader, "pdf")

    pages = pages_of(export)
    assert len(layouts) > 1
    assert [f"第 {number} 页" in page for number, page in enumerate(pages, start=1)] == [True] * len(pages)
    outline = outline_of(export)
    assert [title for title, _ in outline] == [f"第{number}段" for number in range(5)]
    assert [title in pages[page] for title, page in outline] == [True] * 5
    assert files_of(export.id) == ["export.pdf"]


@needs_pdf
def test_a_successor_lays_out_only_what_is_missing(reader, monkeypatch):
    monkeypatch.setattr(pdf_form, "FULL_CHARACTERS", 1_000)
    make_conversations(reader, 3, "学而时习之。" * 100)
    export = create_export(user=reader, format="pdf", session_ids=None)
    run, layouts = pdf_form._run, []

    def dying(*files: object) -> None:
        if len(layouts) == 2:
            raise SystemExit
        layouts.append(files)
        run(*files)

    with monkeypatch.context() as patched, pytest.raises(SystemExit):
        patched.setattr(pdf_form, "_run", dying)
        run_export(export_id=export.id)
    there = sorted(path.name for path in places.parts_of(export).glob("0*"))
    Export.objects.update(status="queued")
    monkeypatch.setattr(pdf_form, "_run", lambda *files: layouts.append(files) or run(*files))
    run_export(export_id=export.id)

    export.refresh_from_db()
    assert there
    assert [title for title, _ in outline_of(export)] == ["第0段", "第1段", "第2段"]
    assert "第 1 页" in pages_of(export)[0]


@needs_pdf
def test_a_layout_that_takes_too_long_is_cut_off(reader, reply, monkeypatch):
    monkeypatch.setattr(pdf_form, "LAYOUT_SECONDS", 0)

    export = exported(reader, "pdf")

    assert (export.status, export.error_code) == ("failed", "export_failed")
    assert export.error_message == "排版没有成功，请改用 Markdown 或 JSON。"
    assert files_of(export.id) == []


@pytest.fixture(params=["library", "font"])
def no_pdf(request, monkeypatch) -> str:
    monkeypatch.setattr(pdf_support, "_found", False)
    if request.param == "library":
        monkeypatch.setattr(pdf_support, "find_library", lambda name: None)
    else:
        monkeypatch.setattr(pdf_support, "find_library", lambda name: name)
        monkeypatch.setattr(pdf_support, "_has_chinese_font", lambda: False)
    return request.param


def test_without_libraries_or_font_a_pdf_is_refused_and_the_rest_works(reader, reply, client_of, no_pdf):
    client = client_of(reader)

    refused = client.post("/api/v1/exports", {"all": True, "format": "pdf"})
    count = Export.objects.count()
    other = client.post("/api/v1/exports", {"all": True, "format": "markdown"})

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "pdf_unavailable")
    assert (count, other.status_code) == (0, 201)


def test_a_worker_without_them_says_so_too(reader, reply, no_pdf):
    export = exported(reader, "pdf")

    assert (export.status, export.error_code) == ("failed", "pdf_unavailable")
    assert export.error_message == errors.PdfUnavailable.message


def test_what_is_missing_is_named_for_the_operator(monkeypatch, no_pdf):
    missing = pdf_support.what_is_missing()

    assert missing == ("a Chinese font" if no_pdf == "font" else ", ".join(pdf_support.LIBRARIES))


@pytest.mark.skipif(shutil.which("fc-list") is None, reason="no fc-list to compare with")
def test_fonts_are_seen_as_fontconfig_sees_them():
    listed = subprocess.run(["fc-list", ":lang=zh-cn"], capture_output=True, text=True).stdout

    assert pdf_support.find_library("fontconfig") is None or pdf_support._has_chinese_font() == bool(listed)


def test_web_processes_do_without_the_libraries():
    program = "import sys, guoxue.urls; print(sorted({'pikepdf', 'weasyprint'} & set(sys.modules)))"
    setup = "import django; django.setup(); "
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "guoxue.settings"}

    seen = subprocess.run(
        [sys.executable, "-c", setup + program], capture_output=True, text=True, env=environment
    )

    assert seen.stdout.strip().splitlines()[-1] == "[]", seen.stderr
