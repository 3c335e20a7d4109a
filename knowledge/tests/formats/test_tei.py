"""TEI documents, those of CBETA above all, become works; hostile ones are refused before they do harm."""

from pathlib import Path

import pytest

from knowledge.errors import CorpusFileRefused
from knowledge.tests.corpus import write
from knowledge.tests.documents import encoding_of, places, read

HEADER = """<teiHeader><fileDesc><titleStmt><title>Electronic version, No. 1 長阿含經</title>
<author>後秦 佛陀耶舍共竺佛念譯</author></titleStmt>
<publicationStmt><availability><p>Available for non-commercial use.</p></availability></publicationStmt>
<sourceDesc><bibl><title level="s">大正新脩大藏經</title><title level="m">長阿含經</title></bibl></sourceDesc></fileDesc>
<encodingDesc><charDecl>
<char xml:id="CB01"><mapping type="unicode">U+9262</mapping></char>
<char xml:id="CB02"><charProp><localName>normalized form</localName><value>缽</value></charProp></char>
<char xml:id="CB03"><charProp><localName>composition</localName><value>[金*本]</value></charProp>
<mapping type="PUA">U+F00B2</mapping></char></charDecl></encodingDesc></teiHeader>"""


def document(body: str, *, head: str = '<?xml version="1.0" encoding="UTF-8"?>', header: str = HEADER) -> str:
    return (
        f'{head}<TEI xmlns="http://www.tei-c.org/ns/1.0" xmlns:cb="http://www.cbeta.org/ns/1.0">'
        f"{header}<text><body>{body}</body><back><p>校勘記。</p></back></text></TEI>"
    )


def test_header_describes_the_work(tmp_path: Path) -> None:
    path = write(tmp_path, "T01n0001.xml", document("<p>如是我聞。</p>"))

    (record,), _refusals = read(path)

    work = record.work
    assert (work.title, work.author, work.dynasty) == ("長阿含經", "佛陀耶舍共竺佛念譯", "後秦")
    assert (work.license, work.source) == ("Available for non-commercial use.", "大正新脩大藏經")
    assert encoding_of(path) == "UTF-8"


def test_title_without_a_monograph_title_loses_its_number(tmp_path: Path) -> None:
    header = "<teiHeader><fileDesc><titleStmt><title>大藏經補編數位版, No. 10 南傳轉法輪經</title></titleStmt></fileDesc></teiHeader>"

    (record,), _refusals = read(write(tmp_path, "x.xml", document("<p>如是我聞</p>", header=header)))

    assert record.work.title == "南傳轉法輪經"


def test_divisions_are_sections_and_a_mulu_outweighs_the_head(tmp_path: Path) -> None:
    body = """
    <cb:div type="xu"><cb:mulu level="1">序</cb:mulu><head>長阿含經序</head><byline>僧肇述</byline><p>夫宗極。</p></cb:div>
    <cb:div><head>第一分</head><cb:div><head>大本經</head><p>如是我聞。</p></cb:div><p>其後。</p></cb:div>"""

    records, refusals = read(write(tmp_path, "x.xml", document(body)))

    assert places(records) == [("序",), ("第一分", "大本經"), ("第一分",)]
    assert refusals == []


def test_rolls_stand_above_the_sections_where_there_are_several(tmp_path: Path) -> None:
    body = """<milestone unit="juan" n="1"/><cb:juan fun="open" n="1"><cb:jhead>卷第一</cb:jhead></cb:juan>
    <cb:div><head>品</head><p>其一。</p><milestone unit="juan" n="12"/><p>其二。</p></cb:div>"""

    records, _refusals = read(write(tmp_path, "x.xml", document(body)))

    assert places(records) == [("卷一", "品"), ("卷十二", "品")]


def test_the_only_roll_is_no_section(tmp_path: Path) -> None:
    path = write(tmp_path, "x.xml", document('<milestone unit="juan" n="1"/><p>如是我聞。</p>'))

    records, _refusals = read(path)

    assert places(records) == [()]


def test_notes_and_variants_are_left_out_and_lines_rejoined(tmp_path: Path) -> None:
    body = """<p>賢聖<note place="foot">校注</note>以之
    <lb n="2"/>沖默，<app><lem>般</lem><rdg>班</rdg></app>若<choice><sic>彿</sic><corr>佛</corr></choice>在
    <cb:tt><cb:t xml:lang="zh-Hant">舍衛國</cb:t><cb:t xml:lang="sa">Śrāvastī</cb:t></cb:tt>。Bhagavat
    said。</p>"""

    (record,), _refusals = read(write(tmp_path, "x.xml", document(body)))

    assert record.text == "賢聖以之沖默，般若佛在舍衛國。Bhagavat said。"


def test_stanza_is_one_text_of_lines(tmp_path: Path) -> None:
    body = "<lg><l>若以色見我</l><l>以音聲求我</l>\n<lb/><l>是人行邪道<caesura/>不能見如來</l></lg><list><item>一</item><item>二</item></list>"

    records, _refusals = read(write(tmp_path, "x.xml", document(body)))

    assert [record.text for record in records] == [
        "若以色見我\n以音聲求我\n是人行邪道　不能見如來",
        "一",
        "二",
    ]


def test_rare_characters_are_written_or_reported_once(tmp_path: Path) -> None:
    body = '<p>持<g ref="#CB01"/>與<g ref="#CB02"/>，\n<g ref="#CB03"/><g ref="#CB03"/><g ref="#CB99">鋺</g>。</p>'

    (record,), (refusal,) = read(write(tmp_path, "x.xml", document(body)))

    assert record.text == "持鉢與缽，□□鋺。"
    assert "CB03（[金*本]）" in refusal.reason
    assert "共 2 处" in refusal.reason


def test_text_outside_of_paragraphs_is_refused_not_lost(tmp_path: Path) -> None:
    body = "<p>甲。</p>散字一\n<p>乙。</p><div>散字二<p>丙。</p></div>"

    records, refusals = read(write(tmp_path, "x.xml", document(body)))

    assert [record.text for record in records] == ["甲。", "乙。", "丙。"]
    assert [refusal.reason[-6:] for refusal in refusals] == ["“散字一”。", "“散字二”。"]


def test_line_is_true_in_a_long_document(tmp_path: Path) -> None:
    path = write(tmp_path, "x.xml", document("\n" * 70_000 + "<p>天</p>\n<p>地</p>", header=""))

    records, _refusals = read(path)

    assert [record.line for record in records] == [70_001, 70_002]


@pytest.mark.parametrize("codec", ["gb18030", "big5", "utf-16"])
def test_declared_encoding_is_used_and_reported(tmp_path: Path, codec: str) -> None:
    text = document("<p>學而時習之。</p>", head=f'<?xml version="1.0" encoding="{codec}"?>', header="")
    path = write(tmp_path, "x.xml", text.encode(codec))

    (record,), _refusals = read(path)

    assert record.text == "學而時習之。"
    assert encoding_of(path) == codec.upper()


BILLION_LAUGHS = """<?xml version="1.0"?><!DOCTYPE TEI [<!ENTITY a "哈哈哈哈哈哈哈哈哈哈">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><TEI><text><p>&c;</p></text></TEI>"""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (BILLION_LAUGHS, "ENTITY"),
        (
            '<?xml version="1.0"?><!DOCTYPE TEI [<!ENTITY x SYSTEM "file:///etc/passwd">]><TEI>&x;</TEI>',
            "ENTITY",
        ),
        (document("<p>甲。</p>")[:-30], "第"),
        (document("<p>甲&nbsp;乙</p>"), "nbsp"),
        ("<TEI>" + "<div>" * 5000, "XML 有误"),
        ("", "XML 有误"),
    ],
)
def test_hostile_or_broken_document_is_refused(tmp_path: Path, content: str, message: str) -> None:
    with pytest.raises(CorpusFileRefused, match=message):
        read(write(tmp_path, "x.xml", content))


def test_other_xml_is_refused(tmp_path: Path) -> None:
    records, refusals = read(write(tmp_path, "x.xml", "<?xml version='1.0'?><html><p>天地</p></html>"))

    assert records == []
    assert "不是 TEI" in refusals[0].reason


def test_rolls_are_counted_across_blocks(tmp_path: Path, monkeypatch) -> None:
    roll = '<milestone unit="juan" n="{}"/><p>如是我聞。</p>'
    path = write(tmp_path, "x.xml", document(roll.format(1) + roll.format(2)))

    for size in range(1, 30):
        monkeypatch.setattr("knowledge.formats.tei._BLOCK_BYTES", size)

        assert places(read(path)[0]) == [("卷一",), ("卷二",)]
