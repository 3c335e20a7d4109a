"""Decides what counts as a fault of the corpus, how bad each is, and how findings are summed up."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

TOO_LONG_CHARACTERS = 800
TOO_SHORT_CHARACTERS = 2


class Severity(StrEnum):
    """How bad a finding is: unreadable for a reader, doubtful, or merely worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def label(self) -> str:
        """The severity in Chinese."""
        return {"error": "错误", "warning": "警告", "info": "提示"}[self.value]


@dataclass(frozen=True)
class Rule:
    """What a code stands for."""

    label: str
    severity: Severity


RULES = {
    "replacement_character": Rule("乱码：替换符 U+FFFD", Severity.ERROR),
    "mojibake": Rule("乱码：编码读错", Severity.ERROR),
    "private_use": Rule("私用区字符，多数设备显示为空框", Severity.ERROR),
    "control_character": Rule("控制字符", Severity.ERROR),
    "passage_order": Rule("段落与篇章次序不符", Severity.ERROR),
    "zero_width": Rule("不可见字符", Severity.WARNING),
    "missing_character": Rule("缺字：□、●、（缺）等", Severity.WARNING),
    "composed_character": Rule("组字式：字库里没有的字", Severity.WARNING),
    "mixed_script": Rule("一段之内简繁混杂", Severity.WARNING),
    "mixed_script_work": Rule("一书之内有的段落简体、有的繁体", Severity.WARNING),
    "foreign_letters": Rule("外文字母、假名或注音", Severity.WARNING),
    "digits": Rule("阿拉伯数字或注码", Severity.WARNING),
    "markup": Rule("HTML、Markdown 或网址残留", Severity.WARNING),
    "unbalanced_marks": Rule("引号、书名号或括号不成对", Severity.WARNING),
    "duplicate": Rule("与本书另一段重复", Severity.WARNING),
    "empty_section": Rule("篇章没有文字", Severity.WARNING),
    "section_order": Rule("篇章次序颠倒或重号", Severity.WARNING),
    "section_gap": Rule("篇章编号不连续", Severity.INFO),
    "too_long": Rule(f"段落超过 {TOO_LONG_CHARACTERS} 字", Severity.INFO),
    "too_short": Rule("段落只有一个字", Severity.INFO),
    "duplicate_elsewhere": Rule("与另一部书的段落相同", Severity.INFO),
}


@dataclass(frozen=True)
class Finding:
    """One thing found, with its place; ``position`` counts the characters of the passage from 0."""

    code: str
    work: str
    section: str = ""
    passage_id: int | None = None
    position: int = 0
    excerpt: str = ""

    @property
    def rule(self) -> Rule:
        """What the code stands for."""
        return RULES[self.code]


@dataclass
class Summary:
    """How often each code was found, with its first findings."""

    examples_of_each: int
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[Finding]] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """Count a finding; keep it if it is among the first of its code."""
        self.counts[finding.code] += 1
        kept = self.examples.setdefault(finding.code, [])
        if len(kept) < self.examples_of_each:
            kept.append(finding)

    @property
    def error_count(self) -> int:
        """How many findings are errors."""
        return sum(count for code, count in self.counts.items() if RULES[code].severity is Severity.ERROR)

    @property
    def rows(self) -> list[tuple[Rule, int, list[Finding]]]:
        """Each rule that was broken, how often, and its first findings; the worst first."""
        return [
            (rule, self.counts[code], self.examples[code])
            for code, rule in RULES.items()
            if self.counts[code]
        ]
