"""Decides what the turns of phrase about a quotation mean: someone's words, a rendering, a notion, the reply's own.

Everything here is sought in folded characters: simplified, and with half-width punctuation.
"""

import re

from knowledge.quotations.quotation_marks import CLOSING_MARKS, OPENING_MARKS

_SAID = r"(?:(?<![小学])说|曰|云|言|(?<![知称])道|讲|写[道过下]|吟|唱|咏|叹|感慨|载)(?:过|得好|的好|的|是|道)*(?:这样|如此)?"
_SPEECH = re.compile(
    rf"(?:{_SAID}|(?:有|一|这|那|名|诗|词|原|语)句(?:话|诗|名言)?|名言|原文|之[语言句])(?:是|为|:一)?[:,]?$"
)
_FIRM_SPEECH = re.compile(r"(?:[曰云]|:)$")
_LISTENER = re.compile(
    r"(?:老师|同学|学生|用户|网友|读者|朋友|记者|家长|孩子|妈妈|爸爸|有人|[你您我]们?|主持人|专家|学者)[^,。]{0,6}[:,]?$"
)
# Behind a title more words lead on than where none is named: 《论语》有“…”, 《老子》所谓“…”.
_HOLDS = re.compile(r"(?:有|所谓)[:,]?$")
# 《论语》“…”, 《论语》第八章：“…”, and a poet's name in the line below the title.
_DIRECT = re.compile(r"(?:[^,;:]{0,6}[篇章卷节回首])?[:\s]*|[^,;。]{0,25}:|[》\s*]*\n[^,;。:]{0,12}")
_LOCATED = re.compile(r"[^,]{0,10}(?:[中里内上篇章卷首]|开篇|开头|记载|载),")
_SAME_SPEAKER = re.compile(r"(?:其|书|文|篇|里面|开篇|第|有|又|还|也|曾|并|就|此|如|例如|比如)")
# 《论语》中的“…”: it is said to stand there, though nobody is said to say it.
_HELD = re.compile(r"(?:一书|之)?(?:[中里内]|里面|[书篇]中)?(?:那|着名|有名|经典)?的?")
_CLAUSE_END = re.compile(r"[,;。\n]")
_SPEAKING_END = re.compile(r"[,;:。\n]")
_CLOSED = re.compile(f"[{CLOSING_MARKS}]")
_MARKS = OPENING_MARKS + CLOSING_MARKS
# Quotations that follow each other behind the same words; the last group is what joins them to the next.
_ENUMERATION = re.compile(
    rf"([^{_MARKS}]*)"
    rf"(?:[{OPENING_MARKS}][^{_MARKS}\n]{{4,80}}[{CLOSING_MARKS}](?:\([^()\n]{{1,20}}\))?([、,;]|以及|[和与及])?\s?)+"
)
_OWN_CLAUSE = re.compile(
    rf"[{CLOSING_MARKS}]*,?(?:则|却|乃|本|原|也|亦|正|才|就)?(?:是|为|乃|出[自于处]|来自|源|语出|见|讲|说|指|意)"
)
_COMPARED = re.compile(
    rf"[{CLOSING_MARKS}]*[^。;!?\n]{{0,8}}(?:相|不同|区别|差异|对照|对比|比较|呼应|异曲同工|一致|之间|关系)"
)

_RENDERING = re.compile(
    r"(?:意思|大意|含义|意谓|意为|意即|意在|[是所]?指|译[为作成]?|译文|今译|翻译|白话|也就是说?|就是说|即|就是|换言之|换句话说|"
    r"相当于|理解|解释|解[作为]|[说讲]的就?是)(?:了|出|之?为|成|作|做|是|的)*[:,]?$"
)
_NAMING = re.compile(
    r"(?:所谓|强调|告诉我们|启示|提醒我们?|主张|认为|提出|概括|归纳|总结|称|叫|名为|视|誉|尊|看作|比喻|形容|象征|体现|追求|达到|实现|"
    r"崇尚|倡导|提倡|注重|重视|关于|对于|讨论|理念|思想|概念)(?:了|出|之?为|成|作|做|是|的)*[:,]?$"
)
_PROVERB = re.compile(
    r"(?:俗话|谚语?|俗语|老话|常言|成语|人们常说|口头禅|流行语|网络|校训|家训|座右铭|口号|标语|横幅|主题)[^,。]{0,6}[:,]?$"
)
_OWN_VERSE = re.compile(
    r"我(?:来|试着?|也|就|替[您你]|为[您你])?(?:写|作|拟|编|创作|赋|改写)(?:了|一|首|个|道)"
    r"|(?:试|拟|仿|代|自|即兴|原创)(?:作|写|拟|创|改)|为[您你][^。]{0,6}(?:写|作|创作)"
)
_RENDERED_LINE = re.compile(
    r"(?:^|\n)[\s>*_\-+#\d.、(\[【]*(?:(?:白话|现代|今|参考|直|意)?译文?|白话文?|翻译|大意|释义)[^,。;:\n]{0,8}[:】\])]"
    r"[\s>*_:]*(?![^\n]*原[文句诗])[^\n]*$"
)
_MISTAKEN = re.compile(r"(?:以为|误[传认记作为解]|讹[传作]?)[^,;。]{0,4}$")
_COMMENTS = re.compile(r"[注疏解释笺评译序跋校](?:释|解|疏|注|译)?$")
_NOTION_BEHIND = re.compile(
    rf"[{CLOSING_MARKS}]+[*_]*(?:的|之|这一?|这个|这种|等|一)?(?:核心|根本|重要|基本)?(?:思想|观念|概念|理念|主张|学说|精神|原则|境界|"
    r"思维|智慧|哲学|理论|观点|之?说(?!的)|之[誉喻叹]|[美赞盛]誉|比喻|论|词|二字|三字|四字|四个字|说法|命题|范畴|模式|战略|政策|口号|成语|典故|传统|美德|主义|"
    r"之道|之[辨辩学治世政风德美名称]|社会|教育|文化|关系|问题|时代|品[格质]|态度|方法|修养|功夫|工夫|情怀|意境|理想)"
)


def _last_clause(words: str) -> str:
    """Return the clause that the words end with, without the colon behind it."""
    return _CLAUSE_END.split(words.rstrip(",:"))[-1]


def speaking_clause(words: str) -> str:
    """Return the clause that says who speaks: of 原文:子曰 it is 子曰."""
    return _SPEAKING_END.split(words.rstrip(",:"))[-1]


def is_speech(words: str) -> bool:
    """Tell whether the words before a quotation say that someone of old said it, and not a teacher or a user."""
    return bool(_SPEECH.search(words)) and not _LISTENER.search(words)


def is_firm_speech(words: str) -> bool:
    """Tell whether the words before a quotation end in 曰, 云 or a colon."""
    return bool(_FIRM_SPEECH.search(words))


def is_no_claim(words: str) -> bool:
    """Tell whether the words make of what follows a rendering, a notion, a name, a proverb or the reply's own verse."""
    return any(pattern.search(words) for pattern in (_RENDERING, _NAMING, _PROVERB, _OWN_VERSE))


def is_notion(plain: str, end: int) -> bool:
    """Tell whether what follows a quotation that ends at ``end`` makes it an expression: 「…」的思想."""
    return bool(_NOTION_BEHIND.match(plain, end))


def is_rendered(words: str) -> bool:
    """Tell whether the line that the words end with is labelled as a translation: 译文:."""
    return bool(_RENDERED_LINE.search(words))


def is_mistaken(words: str) -> bool:
    """Tell whether the words call what follows an error of others: 很多人误以为."""
    return bool(_MISTAKEN.search(words))


def comments(author: str) -> bool:
    """Tell whether the words before a title make of it what is commented on: 王弼注《道德经》."""
    return bool(_COMMENTS.search(author))


def before_enumeration(between: str, plain: str, end: int) -> str | None:
    """Return the words that lead to the first of the quotations that stand side by side in ``between``.

    None if what ends at ``end`` does not go on with them: if other words stand between, if it has a clause
    of its own (“…”，“…”则是…), or if it is compared with them.
    """
    enumeration = _ENUMERATION.fullmatch(between)
    if not enumeration:
        return None
    joint = enumeration[2] or ""
    if joint in ("和", "与", "及", "以及"):
        return None if _COMPARED.match(plain, end) else enumeration[1]
    return None if joint != "、" and _OWN_CLAUSE.match(plain, end) else enumeration[1]


def holds(between: str) -> bool:
    """Tell whether the words between a title and a quotation say that the book has it: 《论语》中的."""
    return bool(between and _HELD.fullmatch(between))


def leads_on(between: str) -> bool:
    """Tell whether the words between a title and a quotation say that it stands there."""
    if _DIRECT.fullmatch(between):
        return True
    if not _SPEECH.search(between) and not _HOLDS.search(between):
        return False
    last = _last_clause(between)
    is_one_clause = len(last) == len(between.rstrip(",:"))
    is_located = _LOCATED.match(between) and not _CLOSED.search(between)
    return is_one_clause or bool(is_located or _SAME_SPEAKER.match(last.lstrip(CLOSING_MARKS)))
