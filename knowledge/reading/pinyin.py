"""Decides how a text is read aloud, as a machine guesses it: the pinyin of each character."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

# Shown wherever such pinyin is: the dictionary behind it knows modern words, not 通假 and old readings.
LABEL = "拼音由程序按现代普通话标注；多音字、通假字和古今异读可能有误，请以工具书为准。"

# Names and turns of phrase that modern dictionaries misread and that stand on many pages.
_CLASSICAL = {
    "曾子": "zēng zǐ",
    "曾参": "zēng shēn",
    "不亦说乎": "bù yì yuè hū",
    "鲜矣": "xiǎn yǐ",
    "知者乐水": "zhì zhě yào shuǐ",
    "仁者乐山": "rén zhě yào shān",
    "知者乐": "zhì zhě lè",
    "知者动": "zhì zhě dòng",
    "朝辞白帝": "zhāo cí bái dì",
    "三省吾身": "sān xǐng wú shēn",
    "论语": "lún yǔ",
    "皋陶": "gāo yáo",
    "於戏": "wū hū",
    "於乎": "wū hū",
    "句践": "gōu jiàn",
    "伍员": "wǔ yún",
    "郦食其": "lì yì jī",
    "樊於期": "fán wū jī",
    "单于": "chán yú",
    "可汗": "kè hán",
    "冒顿": "mò dú",
    "阏氏": "yān zhī",
    "月氏": "yuè zhī",
    "龟兹": "qiū cí",
    "大宛": "dà yuān",
    "吐蕃": "tǔ bō",
    "将进酒": "qiāng jìn jiǔ",
    "南无": "nā mó",
    "般若": "bō rě",
}


@dataclass(frozen=True)
class Syllable:
    """A character and its reading with tone marks; characters without a reading stand together, with ""."""

    text: str
    pinyin: str


def annotate(text: str) -> tuple[Syllable, ...]:
    """Read the text; joining the ``text`` of all syllables gives it back, character by character."""
    syllables: list[Syllable] = []
    for character, (reading, *_others) in zip(text, _reader()(text), strict=True):
        if not reading and syllables and not syllables[-1].pinyin:
            syllables[-1] = Syllable(syllables[-1].text + character, "")
        else:
            syllables.append(Syllable(character, reading))
    return tuple(syllables)


@cache
def _reader() -> Callable[[str], list[list[str]]]:
    """Load the dictionaries on first use: they take 60 MB, which only processes that are asked for pinyin need."""
    import pypinyin

    pypinyin.load_single_dict({ord("子"): "zǐ"})
    pypinyin.load_phrases_dict(
        {phrase: [[reading] for reading in readings.split()] for phrase, readings in _CLASSICAL.items()}
    )

    def read(text: str) -> list[list[str]]:
        # The stubs know no list: one reading for each character that has none keeps text and readings aligned.
        readings: list[list[str]] = pypinyin.pinyin(
            text,
            style=pypinyin.Style.TONE,
            errors=lambda characters: [[""] for _ in characters],  # type: ignore[arg-type,return-value]
        )
        return readings

    return read
