"""EPUB, DOCX and PDF become records under their headings; bombs and wrecks are refused."""

import zipfile
from pathlib import Path

import pytest

from knowledge.errors import CorpusFileRefused
from knowledge.formats import archive
from knowledge.outlining.records import Refusal
from knowledge.tests.corpus import write
from knowledge.tests.documents import places, read, write_pdf, write_zip

CONTAINER = """<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="OEBPS/content.opf"/></rootfiles></container>"""
PACKAGE = """<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:title>论语</dc:title><dc:creator>孔子弟子</dc:creator></metadata><manifest>
<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>
<item id="ncx" href="toc.ncx" media-type="application/x-dtbncx+xml"/>
<item id="b" href="t/b.xhtml" media-type="application/xhtml+xml"/>
<item id="a" href="t/a%20a.xhtml" media-type="application/xhtml+xml"/>
<item id="c" href="t/c.xhtml" media-type="application/xhtml+xml"/>
<item id="css" href="x.css" media-type="text/css"/></manifest>
<spine><itemref idref="nav"/><itemref idref="a"/><itemref idref="b"/><itemref idref="c"/><itemref idref="css"/></spine></package>"""
NAV = """<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><body>
<nav epub:type="toc"><ol><li><a href="t/a%20a.xhtml">学而第一</a><ol><li><a href="t/a%20a.xhtml#s2">次章</a></li></ol></li>
<li><a href="t/b.xhtml">为政第二</a></li></ol></nav>
<nav epub:type="landmarks"><ol><li><a href="t/c.xhtml">版权</a></li></ol></nav></body></html>"""
NCX = """<ncx xmlns="http://www.daisy.org/z3986/2005/ncx/"><navMap>
<navPoint><navLabel><text>学而第一</text></navLabel><content src="t/a%20a.xhtml"/>
<navPoint><navLabel><text>次章</text></navLabel><content src="t/a%20a.xhtml#s2"/></navPoint></navPoint>
<navPoint><navLabel><text>为政第二</text></navLabel><content src="t/b.xhtml"/></navPoint></navMap></ncx>"""
FIRST = """<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml"
 xmlns:epub="http://www.idpf.org/2007/ops"><head><title>不要</title><style>p{}</style></head><body><h1>学而第一</h1>
<p>子曰：“学而时习
之<a epub:type="noteref" href="#n1">[1]</a>。”</p>
<div id="s2"><p><ruby>曾<rt>zēng</rt></ruby>子曰：<br/>吾日三省吾身。</p></div>
<aside epub:type="footnote" id="n1">时：按时。</aside></body></html>"""
SECOND = "<html><body><div>为政以德。<p>譬如北辰。</p>居其所。</div></body></html>"
THIRD = "<html><body><h3>小节</h3><p>众星共之。</p></body></html>"


def epub(**replaced: str | bytes | None) -> dict[str, str | bytes]:
    members: dict[str, str | bytes | None] = {
        "mimetype": "application/epub+zip",
        "META-INF/container.xml": CONTAINER,
        "OEBPS/content.opf": PACKAGE,
        "OEBPS/nav.xhtml": NAV,
        "OEBPS/toc.ncx": NCX,
        "OEBPS/t/a a.xhtml": FIRST,
        "OEBPS/t/b.xhtml": SECOND,
        "OEBPS/t/c.xhtml": THIRD,
        **{name.replace("__", "/"): content for name, content in replaced.items()},
    }
    return {name: content for name, content in members.items() if content is not None}


@pytest.mark.parametrize("contents", ["nav", "ncx"])
def test_epub_is_read_in_the_order_of_its_spine_under_its_contents(tmp_path: Path, contents: str) -> None:
    package = PACKAGE.replace(' properties="nav"', "") if contents == "ncx" else PACKAGE
    package = package.replace('<itemref idref="nav"/>', "") if contents == "ncx" else package
    path = write_zip(tmp_path / "x.epub", epub(**{"OEBPS/content.opf": package}))

    records, refusals = read(path)

    assert refusals == []
    assert [record.text for record in records] == [
        "子曰：“学而时习之。”",
        "曾子曰：\n吾日三省吾身。",
        "为政以德。",
        "譬如北辰。",
        "居其所。",
        "众星共之。",
    ]
    assert places(records) == [
        ("学而第一",),
        ("学而第一", "次章"),
        *[("为政第二",)] * 3,
        ("为政第二", "小节"),
    ]
    assert (records[0].work.title, records[0].work.author) == ("论语", "孔子弟子")
    assert (records[0].file, records[0].line) == ("x.epub#OEBPS/t/a a.xhtml", 3)


def test_document_that_is_missing_is_refused_and_the_others_read(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.epub", epub(**{"OEBPS/t/b.xhtml": None}))

    records, refusals = read(path)

    assert len(records) == 3
    assert refusals == [Refusal("x.epub", 0, "EPUB 里缺少正文文件 OEBPS/t/b.xhtml。")]


def test_contents_that_cannot_be_read_give_way_to_the_next(tmp_path: Path) -> None:
    broken = NAV.replace("为政第二", "为政&nbsp;第二")
    path = write_zip(tmp_path / "x.epub", epub(**{"OEBPS/nav.xhtml": broken}))
    bare = write_zip(tmp_path / "y.epub", epub(**{"OEBPS/nav.xhtml": broken, "OEBPS/toc.ncx": None}))

    records, refusals = read(path)
    bare_records, bare_refusals = read(bare)

    assert places(records)[1] == ("学而第一", "次章")
    assert places(bare_records)[1] == ("学而第一",)
    assert len(records) == len(bare_records) == 6
    assert [refusal.file for refusal in (*refusals, *bare_refusals)] == [
        "x.epub#OEBPS/nav.xhtml",
        "y.epub#OEBPS/nav.xhtml",
    ]


def test_heading_of_the_contents_that_stands_nowhere_is_reported(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.epub", epub(**{"OEBPS/nav.xhtml": NAV.replace("#s2", "#s3")}))

    records, refusals = read(path)

    assert places(records)[1] == ("学而第一",)
    assert [(each.file, "次章" in each.reason) for each in refusals] == [("x.epub#OEBPS/t/a a.xhtml", True)]


def test_named_anchor_is_a_place_too(tmp_path: Path) -> None:
    first = FIRST.replace('<div id="s2"><p>', '<div><a name="s2"></a><p>')

    records, refusals = read(write_zip(tmp_path / "x.epub", epub(**{"OEBPS/t/a a.xhtml": first})))

    assert (places(records)[1], refusals) == (("学而第一", "次章"), [])


@pytest.mark.parametrize(
    "head",
    [
        '<?xml version="1.0" encoding="gb2312"?>',
        '<html><head><meta http-equiv="Content-Type" content="text/html; charset=GBK"/></head>',
    ],
)
def test_document_in_another_encoding_is_read_as_it_says(tmp_path: Path, head: str) -> None:
    content = f"{head}<body><p>为政以德。</p></body>".encode("gb18030")
    path = write_zip(tmp_path / "x.epub", epub(**{"OEBPS/t/b.xhtml": content}))

    records, refusals = read(path)

    assert (records[2].text, refusals) == ("为政以德。", [])


def test_document_in_utf8_is_read_as_such_whatever_it_says(tmp_path: Path) -> None:
    content = '<?xml version="1.0" encoding="gb2312"?><body><p>为政以德。</p></body>'
    path = write_zip(tmp_path / "x.epub", epub(**{"OEBPS/t/b.xhtml": content}))

    assert read(path)[0][2].text == "为政以德。"


@pytest.mark.parametrize(
    "content",
    [
        f"<p>前。</p>{'<div>' * 260}中。{'</div>' * 260}<p>后。</p>",
        "<p>前。</p>" + "<p><span>" * 300 + "中。<p>后。</p>",
    ],
)
def test_text_below_many_open_tags_is_read(tmp_path: Path, content: str) -> None:
    path = write_zip(tmp_path / "x.epub", epub(**{"OEBPS/t/b.xhtml": content}))

    records, refusals = read(path)

    assert [record.text for record in records[2:5]] == ["前。", "中。", "后。"]
    assert refusals == []


def test_document_that_is_cut_short_is_reported(tmp_path: Path) -> None:
    path = write_zip(
        tmp_path / "x.epub", epub(**{"OEBPS/t/b.xhtml": f"<p>前。</p>{'<div>' * 5000}<p>后。</p>"})
    )

    records, refusals = read(path)

    assert [record.text for record in records[2:]] == ["前。", "众星共之。"]
    assert [(each.file, "没有读入" in each.reason) for each in refusals] == [("x.epub#OEBPS/t/b.xhtml", True)]


DRM = """<encryption xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:CipherReference URI="OEBPS/t/b.xhtml"/></encryption>"""


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (epub(**{"META-INF/encryption.xml": DRM}), "DRM"),
        (epub(**{"OEBPS/content.opf": None}), "缺少 OEBPS/content.opf"),
        (epub(**{"META-INF/container.xml": "<container/>"}), "container.xml"),
        (epub(**{"OEBPS/t/b.xhtml": b"<p>" + "道".encode() * 400_000}), "压缩炸弹"),
        (epub(**{f"OEBPS/{number}": "x" for number in range(60)}), "超过 50 个"),
    ],
)
def test_epub_that_cannot_be_read_says_why(
    tmp_path: Path, monkeypatch, members: dict[str, str | bytes], message: str
) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBER_BYTES", 1_000_000)
    monkeypatch.setattr(archive, "MAX_MEMBERS", 50)

    with pytest.raises(CorpusFileRefused, match=message):
        read(write_zip(tmp_path / "x.epub", members))


def test_sum_of_small_members_is_bounded_too(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 1_500)

    with pytest.raises(CorpusFileRefused, match="压缩炸弹"):
        read(write_zip(tmp_path / "x.epub", epub()))


@pytest.mark.parametrize("name", ["x.epub", "x.docx"])
@pytest.mark.parametrize("kept", [0, 10, 700])
def test_truncated_archive_is_refused(tmp_path: Path, name: str, kept: int) -> None:
    whole = write_zip(tmp_path / "whole", epub()).read_bytes()

    with pytest.raises(CorpusFileRefused, match="不是完好的"):
        read(write(tmp_path, name, whole[:kept]))


def test_damaged_member_is_refused(tmp_path: Path) -> None:
    content = bytearray(write_zip(tmp_path / "whole", epub()).read_bytes())
    start = content.index(b"META-INF/container.xml") + 22
    content[start + 5 : start + 40] = b"\x00" * 35

    with pytest.raises(CorpusFileRefused, match="损坏"):
        read(write(tmp_path, "x.epub", bytes(content)))


def test_damaged_member_in_lzma_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "whole", "w", zipfile.ZIP_LZMA) as whole:
        for name, text in epub().items():
            whole.writestr(name, text)
    content = bytearray((tmp_path / "whole").read_bytes())
    start = content.index(b"META-INF/container.xml") + 22
    content[start + 9 : start + 60] = b"\xff" * 51

    with pytest.raises(CorpusFileRefused, match="损坏"):
        read(write(tmp_path, "x.epub", bytes(content)))


W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
STYLES = f"""<w:styles {W}><w:style w:styleId="1"><w:name w:val="heading 1"/></w:style>
<w:style w:styleId="a3"><w:name w:val="Title"/></w:style>
<w:style w:styleId="own"><w:name w:val="我的标题"/><w:basedOn w:val="two"/></w:style>
<w:style w:styleId="two"><w:name w:val="x"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style></w:styles>"""
WORD = f"""<?xml version="1.0"?><w:document {W}><w:body>
<w:p><w:pPr><w:pStyle w:val="a3"/></w:pPr><w:r><w:t>论语</w:t></w:r></w:p>
<w:p><w:pPr><w:pStyle w:val="1"/></w:pPr><w:r><w:t>学而</w:t></w:r></w:p>
<w:p><w:r><w:t>子曰：</w:t></w:r><w:ins><w:r><w:t>“学而时习之。”</w:t></w:r></w:ins><w:del><w:r><w:delText>删</w:delText></w:r></w:del>
<w:r><w:footnoteReference w:id="1"/></w:r></w:p><w:p/>
<w:p><w:pPr><w:pStyle w:val="own"/></w:pPr><w:r><w:t>其二</w:t></w:r></w:p>
<w:sdt><w:sdtContent><w:p><w:r><w:t>有子曰</w:t><w:br/><w:t>孝弟</w:t></w:r></w:p></w:sdtContent></w:sdt>
<w:tbl><w:tr><w:tc><w:p><w:r><w:t>表中</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body></w:document>"""


def test_word_headings_are_sections_and_inserted_text_counts(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.docx", {"word/document.xml": WORD, "word/styles.xml": STYLES})

    records, refusals = read(path)

    assert refusals == []
    assert [(record.line, record.text) for record in records] == [
        (3, "子曰：“学而时习之。”"),
        (6, "有子曰\n孝弟"),
        (7, "表中"),
    ]
    assert places(records) == [("学而",), ("学而", "其二"), ("学而", "其二")]
    assert records[0].work.title == "论语"


def test_strict_word_document_is_read_alike(tmp_path: Path) -> None:
    strict = "http://purl.oclc.org/ooxml/wordprocessingml/main"
    members = {"word/document.xml": WORD, "word/styles.xml": STYLES}
    usual = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    path = write_zip(
        tmp_path / "x.docx", {name: text.replace(usual, strict) for name, text in members.items()}
    )

    records, refusals = read(path)

    assert refusals == []
    assert places(records) == [("学而",), ("学而", "其二"), ("学而", "其二")]
    assert records[0].work.title == "论语"


def test_each_word_title_begins_a_work_and_the_first_has_what_is_before_it(tmp_path: Path) -> None:
    def paragraph(text: str, style: str = "") -> str:
        return f'<w:p><w:pPr><w:pStyle w:val="{style}"/></w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>'

    body = "".join(
        [
            paragraph("某某整理。"),
            *(paragraph("论语", "a3"), paragraph("学而", "1"), paragraph("子曰。")),
            *(paragraph("孟子", "a3"), paragraph("孟轲。")),
        ]
    )
    document = f"<w:document {W}><w:body>{body}</w:body></w:document>"
    path = write_zip(tmp_path / "x.docx", {"word/document.xml": document, "word/styles.xml": STYLES})

    records, _refusals = read(path)

    assert [(record.work.title, record.text) for record in records] == [
        ("论语", "某某整理。"),
        ("论语", "子曰。"),
        ("孟子", "孟轲。"),
    ]
    assert places(records) == [(), ("学而",), ()]


def test_word_document_without_its_text_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "x.docx", {"word/styles.xml": STYLES})

    with pytest.raises(CorpusFileRefused, match="不支持"):
        read(path)


PAGES = [
    [
        "论语集注",
        "第一章 学而",
        "子曰学而时习之不亦说乎有朋自远方来不亦",
        "乐乎人不知而不愠不亦君子乎有子曰其为人",
        "1",
    ],
    [
        "论语集注",
        "也孝弟而好犯上者鲜矣不好犯上而好作乱者",
        "未之有也。",
        "君子务本本立而道生孝弟也者其为仁之本与",
        "- 2 -",
    ],
    ["第三页", "子曰巧言令色鲜矣仁曾子曰吾日三省吾身为", "人谋而不忠乎。", "论语集注", "3"],
]


def test_pdf_loses_what_repeats_and_its_paragraphs_are_rejoined(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "论语.pdf", PAGES)

    records, refusals = read(path)

    assert refusals == []
    assert [(record.line, record.text) for record in records] == [
        (
            1,
            "子曰学而时习之不亦说乎有朋自远方来不亦乐乎人不知而不愠不亦君子乎有子曰其为人也孝弟而好犯上者鲜矣不好犯上而好作乱者未之有也。",
        ),
        (2, "君子务本本立而道生孝弟也者其为仁之本与子曰巧言令色鲜矣仁曾子曰吾日三省吾身为人谋而不忠乎。"),
    ]
    assert places(records) == [("第一章 学而",)] * 2


def test_pdf_with_a_table_of_contents_has_no_empty_headings(tmp_path: Path) -> None:
    text = "子曰学而时习之不亦说乎有朋自远方来不亦乐乎。"
    path = write_pdf(tmp_path / "论语.pdf", [["卷一", "第一章 学而"], ["卷一", "第一章 学而", text, text]])

    records, refusals = read(path)

    assert places(records)[0] == ("卷一", "第一章 学而")
    assert refusals == []


def test_pdf_without_text_is_refused_with_advice(tmp_path: Path) -> None:
    with pytest.raises(CorpusFileRefused, match="OCR"):
        read(write_pdf(tmp_path / "x.pdf", [[], [], []]))


def test_pdf_with_a_damaged_page_is_refused_with_its_number(tmp_path: Path) -> None:
    content = write_pdf(tmp_path / "whole", PAGES).read_bytes()
    # The second page: an object that is none.
    damaged = content.replace(b"\n8 0 obj\n<< /Type /Page ", b"\n8 0 obj\n<< /Type /Pxxx ")

    with pytest.raises(CorpusFileRefused, match="第 2 页已损坏"):
        read(write(tmp_path, "x.pdf", damaged))


@pytest.mark.parametrize("kept", [0, 4, 300])
def test_truncated_pdf_is_refused(tmp_path: Path, kept: int) -> None:
    whole = write_pdf(tmp_path / "whole", PAGES).read_bytes()

    with pytest.raises(CorpusFileRefused, match="PDF"):
        read(write(tmp_path, "x.pdf", whole[:kept]))


def test_content_outweighs_a_wrong_suffix(tmp_path: Path) -> None:
    pdf = write_pdf(tmp_path / "a.txt", PAGES)
    word = write_zip(tmp_path / "b.epub", {"word/document.xml": WORD})
    lines = write(tmp_path, "c.json", '{"text": "天地"}\n{"text": "玄黄"}\n')
    listed = write(tmp_path, "d.txt", '[{"text": "天地"}]')

    formats = []
    for path in (pdf, word, lines, listed):
        records, _refusals = read(path)
        formats.append(len(records))

    assert formats == [2, 6, 2, 1]
