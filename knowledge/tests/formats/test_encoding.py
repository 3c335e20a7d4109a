"""The encoding of a text is found by what decodes strictly and reads like Chinese, and is reported."""

from pathlib import Path

import pytest

from knowledge.errors import CorpusFileRefused
from knowledge.formats.encoding import detect_encoding
from knowledge.formats.plausibility import score
from knowledge.tests.corpus import write
from knowledge.tests.documents import encoding_of, read

SIMPLIFIED = "子曰：“学而时习之，不亦说乎？”"
TRADITIONAL = "子曰：「學而時習之，不亦說乎？」"


@pytest.mark.parametrize(
    ("text", "codec", "label"),
    [
        (SIMPLIFIED, "utf-8", "UTF-8"),
        (SIMPLIFIED, "utf-8-sig", "UTF-8"),
        (SIMPLIFIED, "utf-16", "UTF-16"),
        (SIMPLIFIED, "gb18030", "GB18030"),
        (TRADITIONAL, "gb18030", "GB18030"),
        (TRADITIONAL, "big5", "Big5"),
        (TRADITIONAL, "utf-16", "UTF-16"),
    ],
)
def test_text_is_read_in_its_own_encoding_which_is_reported(
    tmp_path: Path, text: str, codec: str, label: str
) -> None:
    path = write(tmp_path, "论语.txt", text.encode(codec))

    records, refusals = read(path)

    assert ([record.text for record in records], refusals) == ([text], [])
    assert encoding_of(path) == label


@pytest.mark.parametrize(
    "text",
    [
        "论语",
        "道德",
        "学而时习",
        "春眠不觉晓",
        "天地玄黄",
        "孔子",
        "大学之道",
        "上善若水",
        "诗云",
        "关关雎鸠",
        "知之为知之",
        "联通",
        "己所不欲",
        "滕王阁",
        "之乎者也",
        "床前明月光",
        "楚辞",
        "史记",
    ],
)
def test_a_few_characters_in_gb18030_are_enough(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, "x.txt", text.encode("gb18030"))

    assert detect_encoding(path).label == "GB18030"


@pytest.mark.parametrize(
    "text",
    [
        "論語",
        "道德",
        "學而時習",
        "春眠不覺曉",
        "天地玄黃",
        "孔子",
        "大學之道",
        "上善若水",
        "詩云",
        "關關雎鳩",
        "知之為知之",
        "克己復禮",
        "仁者愛人",
        "岳陽樓",
        "白日依山盡",
        "無為",
        "莊子",
    ],
)
def test_a_few_characters_in_big5_are_enough(tmp_path: Path, text: str) -> None:
    path = write(tmp_path, "x.txt", text.encode("big5"))

    assert detect_encoding(path).label == "Big5"


@pytest.mark.parametrize(
    ("text", "codec", "label"),
    [
        # Characters of the second level of each standard, as a dictionary lists them.
        ("亟鼐乜乩亓芈孛啬嘏仄厍厝厣厥厮靥赝匚叵匦", "gb18030", "GB18030"),
        ("乂乜凵匚厂万丌乇亍囗兀屮彳丏冇与丮亓仂仉仈冘勼卬厹圠夃夬", "big5", "Big5"),
        ("㐀㐁㐂㐃㐄㐅", "gb18030", "GB18030"),
        ("龘靐齉爩麤灪厵", "gb18030", "GB18030"),
    ],
)
def test_texts_of_rare_characters_are_read_rightly(tmp_path: Path, text: str, codec: str, label: str) -> None:
    path = write(tmp_path, "字书.txt", text.encode(codec))

    found = detect_encoding(path)

    assert path.read_bytes().decode(found.codec) == text
    assert found.label == label


def test_character_across_two_blocks_is_whole(tmp_path: Path) -> None:
    text = "a" + "道可道，非常道。" * 80_000
    path = write(tmp_path, "x.txt", text.encode("gb18030"))

    assert detect_encoding(path).label == "GB18030"


@pytest.mark.parametrize(
    ("content", "label", "line", "offset"),
    [
        ("天地玄黄，\n宇宙洪荒。\n".encode() + b"\xff\xfe", "UTF-8", 3, 32),
        ("道可道。\n".encode() * 200_000 + b"\xe9" + "名可名。\n".encode(), "UTF-8", 200_001, 2_600_000),
        (("道可道，非常道。\n" * 9).encode("gb18030") + b"\xff" + "名".encode("gb18030"), "GB18030", 10, 153),
        (b"\xff\xfe" + "天".encode("utf-16-le") + b"\x00\xd8", "UTF-16", 1, 4),
        (b"\xef\xbb\xbf" + "道可道，非常道。".encode("gb18030"), "UTF-8", 1, 3),
    ],
)
def test_broken_byte_is_named_with_its_line_and_offset(
    tmp_path: Path, content: bytes, label: str, line: int, offset: int
) -> None:
    path = write(tmp_path, "x.txt", content)

    with pytest.raises(CorpusFileRefused) as refused:
        detect_encoding(path)

    assert f"按 {label} 解读，到第 {line} 行（字节偏移 {offset}）" in refused.value.message


@pytest.mark.parametrize(
    ("text", "lost"), [("伐郑，陈及楚平。晋", 5), ("者，立其百体而谓之", 20), ("》之三，又不拜。歌", 19)]
)
def test_utf8_with_one_byte_lost_is_not_taken_for_another_encoding(
    tmp_path: Path, text: str, lost: int
) -> None:
    content = text.encode()
    path = write(tmp_path, "x.txt", content[:lost] + content[lost + 1 :])

    with pytest.raises(CorpusFileRefused, match="UTF-8"):
        detect_encoding(path)


def test_noise_is_no_text(tmp_path: Path) -> None:
    path = write(tmp_path, "x.txt", bytes(range(0x81, 0xFE)) * 40)

    with pytest.raises(CorpusFileRefused, match="无法确定文件的编码"):
        detect_encoding(path)


def test_line_ends_of_all_kinds_are_one(tmp_path: Path) -> None:
    path = write(tmp_path, "x.txt", "天地玄黄\r\n宇宙洪荒\r日月盈昃\n".encode("utf-16"))

    records, _refusals = read(path)

    assert [(record.line, record.text) for record in records] == [
        (1, "天地玄黄"),
        (2, "宇宙洪荒"),
        (3, "日月盈昃"),
    ]


def test_frequent_characters_and_known_pairs_speak_for_a_text() -> None:
    frequent, seldom = score("不之也而", "gb18030"), score("邮癌氨碘", "gb18030")
    in_order, shuffled = score("学而时习", "gb18030"), score("习时而学", "gb18030")

    assert frequent > seldom + 10
    assert in_order > shuffled + 5
