"""Decides when two written forms count as the same text: one folding for ingestion, search and quotation check.

Folding serves indexes and comparison only; the text that a reader sees is never folded.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

import opencc

# Historical variants that OpenCC's traditional→simplified table leaves alone or decides per phrase,
# written as pairs "variant, standard". 乾 stays itself: 乾坤 and 干 are different words; so does 覆, of which 复 is
# an old simplification. 沈 is 沉 in every classic; as a surname it loses nothing by it.
_VARIANT_PAIRS = (
    "甯宁 乾乾 著着 祇只 硏研 邱丘 疋匹 氷冰 勅敕 劒剑 讐仇 讎仇 雠仇 遯遁 禀秉 稟秉 覩睹 隣邻 竝并 倂并 荅答 燿耀 徧遍 衹只 祗只 俛俯 畧略 髣仿 髴佛 彷仿 "
    "疎疏 踈疏 恠怪 寃冤 冺泯 峩峨 乆久 亾亡 兎兔 兠兜 冣最 冩写 厯历 厰厂 叅参 吿告 呪咒 囘回 囬回 坵丘 埜野 壻婿 姙妊 寘置 寳宝 尅克 屛屏 廵巡 廼乃 迺乃 "
    "彊强 徃往 恡吝 悞误 慙惭 慿凭 懽欢 戞戛 搆构 摠总 攷考 敍叙 斵斫 旾春 昬昏 晩晚 暎映 朞期 杇圬 柰奈 栁柳 槀槁 檝楫 欝郁 歩步 殁没 毘毗 氊毡 涙泪 淸清 "
    "渉涉 湏须 濶阔 炤照 煖暖 熈熙 犂犁 狥徇 猨猿 玅妙 珎珍 瑠琉 甖罂 甦苏 畆亩 皷鼓 盌碗 矦侯 砲炮 碁棋 穉稚 窓窗 窻窗 竆穷 筯箸 粃秕 粧妆 縂总 繋系 罇樽 "
    "羮羹 耉耇 耡锄 肎肯 脇胁 臯皋 舩船 艢樯 芲花 蘂蕊 蘓苏 虗虚 蚘蛔 蠏蟹 衂衄 袵衽 裠裙 覊羁 觧解 諠喧 譌讹 豓艳 賔宾 賛赞 躭耽 軰辈 輙辄 辠罪 辤辞 逈迥 "
    "迯逃 逰游 邨村 郞郎 醕醇 醻酬 釡斧 銕铁 鎻锁 鐡铁 隂阴 隄堤 霛灵 靣面 鞌鞍 頋顾 頼赖 飇飙 飮饮 餽馈 騐验 驩欢 髙高 鬭斗 鬦斗 鵞鹅 鷰燕 麤粗 黙默 龎庞 "
    "龢和 郤却 靑青 "
    "沈沉 馀余 簷檐 澂澄 衞卫 僊仙 鴈雁 櫂棹 賸剩 汚污 嗁啼 蹏蹄 輭软 虵蛇 啣衔 胷胸 椀碗 讌宴 醼宴 牕窗 磵涧 嬾懒 蕚萼 蝯猿 蠭蜂 雝雍 鬂鬓 髩鬓 麐麟 敺驱 歛敛 "
    "甞尝 崐昆 廹迫 姪侄 噉啖 啗啖 歗啸 睠眷 礟炮 礮炮 窰窑 籐藤 緐繁 罸罚 臝裸 躶裸 荳豆 蕋蕊 橤蕊 螘蚁 衇脉 詶酬 酧酬 諐愆 蹔暂 轝舆 鏁锁 隖坞 韈袜 韤袜 飈飙 "
    "飃飘 駞驼 駈驱 騌鬃 鬉鬃 鵶鸦 鼇鳌 齩咬 囓啮 噛啮 暱昵 曡叠 曵曳 朶朵 柹柿 栢柏 桒桑 棃梨 椉乘 楳梅 槩概 欵款 殀夭 湼涅 潄漱 灋法 烖灾 煗暖 燄焰 熖焰 犇奔 "
    "獘弊 玆兹 皜皓 桮杯 竢俟 笻筇 緜绵 縚绦 罣挂 羗羌 羴膻 聦聪 脗吻 臈腊 舗铺 薀蕴 蟁蚊 蠧蠹 螙蠹 襃褒 裵裴 衺邪 詧察 譔撰 讁谪 賍赃 賷赍 逩奔 遅迟 邉边 鄕乡 "
    "郷乡 鈆铅 靁雷 鞵鞋 鞾靴 頟额 顋腮 饍膳 骾鲠 鰌鳅 鶏鸡 鸎莺 鼈鳖 亊事 僣僭 冐冒 刄刃 刧劫 刼劫 剏创 剙创 劔剑 勌倦 匃丐 賉恤 呉吴 呑吞 唘启 埳坎 塟葬 夘卯 "
    "夣梦 姸妍 婣姻 婬淫 滛淫 孼孽 宂冗 寑寝 尒尔 尠鲜 鱻鲜 帋纸 幙幕 庽寓 廐厩 廏厩 徤健 怱匆 悤匆 恖思 悳德 惪德 愽博 慇殷 慠傲 慽戚 憇憩 懃勤 抝拗 拏拿 搃总 "
    "擕携 旹时 晳皙 枬楠 柟楠 椶棕 沍冱 澣浣 湌餐 瀋沉 爕燮 牋笺 畊耕 畱留 痺痹 皐皋 盇盍 眎视 眂视 秌秋 龝秋 筭算 祘算 稾稿 糭粽 紥扎 縁缘 翺翱 翦剪 聟婿 "
    "脃脆 艸草 蔴麻 蘤花 襍杂 謌歌 豘豚 趍趋 趂趁 鄽廛 醤酱 酔醉 闚窥 陿狭 隷隶 雑杂 頥颐 頫俯 飜翻 繙翻 駮驳 麁粗 麞獐 鼔鼓 齅嗅"
)
_CJK_RANGES = ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x323AF))
_LAST_OF_BMP = 0xFFFF
# The same ranges as a class for regular expressions, and the runs of ideographs that a text has.
IDEOGRAPH = "".join(f"{chr(first)}-{chr(last)}" for first, last in _CJK_RANGES)
IDEOGRAPHS = re.compile(f"[{IDEOGRAPH}]+")


@lru_cache(maxsize=1)
def _character_table() -> dict[int, int]:
    """Map code points to their folded form, one to one, so that folding keeps every character's position.

    Source: Unicode NFKC for full-width and compatibility forms, OpenCC ``TSCharacters`` for 繁→简, the list above for 异体.
    """
    table: dict[int, int] = {}
    for code in (*range(0xFF01, 0xFF5F), 0x3000, *range(0xF900, 0xFB00), *range(0x2F800, 0x2FA20)):
        normal = unicodedata.normalize("NFKC", chr(code))
        if len(normal) == 1 and normal != chr(code):
            table[code] = ord(normal)
    characters = [chr(code) for first, last in _CJK_RANGES for code in range(first, last + 1)]
    normalised = [chr(table.get(ord(character), ord(character))) for character in characters]
    simplified = opencc.OpenCC("t2s").convert("\n".join(normalised)).split("\n")
    for character, simple in zip(characters, simplified, strict=True):
        if len(simple) == 1 and simple != character:
            table[ord(character)] = ord(simple)
    for pair in _VARIANT_PAIRS.split():
        table[ord(pair[0])] = ord(pair[1])
    return {code: table.get(folded, folded) for code, folded in table.items()}


class _Folding(dict[int, int | None]):
    """What ``str.translate`` asks for each code point; what stays as it is is remembered when first asked for.

    Without it every character that the table lacks costs an exception. Beyond the BMP nothing is remembered:
    memory stays bounded.
    """

    def __init__(self, table: Mapping[int, int | None], *, keeps_others: bool) -> None:
        super().__init__(table)
        self._keeps_others = keeps_others

    def __missing__(self, code: int) -> int | None:
        folded = code if self._keeps_others else None
        if code <= _LAST_OF_BMP:
            self[code] = folded
        return folded


@lru_cache(maxsize=1)
def _character_folding() -> _Folding:
    return _Folding(_character_table(), keeps_others=True)


@lru_cache(maxsize=1)
def _index_folding() -> _Folding:
    """Map every ideograph to its folded form, and everything that does not become one to nothing."""
    table = _character_table()
    codes = {code for first, last in _CJK_RANGES for code in range(first, last + 1)} | table.keys()
    folded = ((code, table.get(code, code)) for code in codes)
    kept = {code: result for code, result in folded if is_cjk(chr(result))}
    return _Folding(kept, keeps_others=False)


def fold_characters(text: str) -> str:
    """Fold each character to its simplified, standard, half-width form; length, punctuation and spaces stay."""
    return text.translate(_character_folding())


@lru_cache(maxsize=1)
def _written_forms() -> dict[str, str]:
    """Every folded character with all those that become it."""
    forms: dict[str, str] = {}
    for code, folded in _character_table().items():
        forms[chr(folded)] = forms.get(chr(folded), chr(folded)) + chr(code)
    return forms


def pattern_of(text: str) -> str:
    """Return a regular expression, for PostgreSQL as for Python, of every writing of the text: 学而 is 學而."""
    characters = fold_characters(text)
    forms = {character: _written_forms().get(character, character) for character in characters}
    return "".join(
        f"[{forms[character]}]" if is_cjk(character) else re.escape(character) for character in characters
    )


def is_cjk(character: str) -> bool:
    """Tell whether the character is a CJK ideograph (Extension A to H and compatibility forms included)."""
    code = ord(character)
    return _CJK_RANGES[1][0] <= code <= _CJK_RANGES[1][1] or any(
        first <= code <= last for first, last in _CJK_RANGES
    )


def fold(text: str) -> str:
    """Fold the text for an index: folded characters only, with punctuation, spaces, digits and Latin dropped."""
    return text.translate(_index_folding())
