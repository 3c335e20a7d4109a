"""Decides how texts, dates and sizes are written in the reading pages."""

import datetime

from django import template
from django.utils.html import escape, format_html_join
from django.utils.safestring import SafeString, mark_safe

from knowledge.reading.excerpts import Excerpt
from knowledge.reading.pinyin import Syllable, annotate

register = template.Library()

_DIGITS = "〇一二三四五六七八九"
_WEEKDAYS = "一二三四五六日"
_TEN_THOUSAND = 10_000


@register.filter
def ruby(text: str) -> SafeString:
    """Write the text with its pinyin above it."""
    return format_html_join("", "{}", ((_syllable(syllable),) for syllable in annotate(text)))


def _syllable(syllable: Syllable) -> SafeString:
    text = escape(syllable.text)
    if not syllable.pinyin:
        return text
    reading = escape(syllable.pinyin)
    return mark_safe(f"<ruby>{text}<rp>（</rp><rt>{reading}</rt><rp>）</rp></ruby>")


@register.filter
def highlighted(excerpt: Excerpt) -> SafeString:
    """Write the excerpt with its matches marked and an ellipsis where something was left out."""
    words = format_html_join(
        "",
        "{}",
        ((_marked(segment.text) if segment.is_match else segment.text,) for segment in excerpt.segments),
    )
    before, after = "…" * excerpt.is_cut_before, "…" * excerpt.is_cut_after
    return mark_safe(f"{before}{words}{after}")


def _marked(text: str) -> SafeString:
    return mark_safe(f"<mark>{escape(text)}</mark>")


@register.filter
def characters(count: int) -> str:
    """Write a number of characters: 1212 字, 1.6 万字."""
    if count < _TEN_THOUSAND:
        return f"{count} 字"
    return f"{count / _TEN_THOUSAND:.1f}".removesuffix(".0") + " 万字"


@register.filter
def chinese_date(date: datetime.date) -> str:
    """Write a date in Chinese numerals: 二〇二六年十一月二十二日."""
    year = "".join(_DIGITS[int(digit)] for digit in str(date.year))
    return f"{year}年{_numeral(date.month)}月{_numeral(date.day)}日"


@register.filter
def weekday(date: datetime.date) -> str:
    """Write the day of the week: 星期日."""
    return f"星期{_WEEKDAYS[date.weekday()]}"


def _numeral(number: int) -> str:
    """Write a number below a hundred."""
    tens, ones = divmod(number, 10)
    written = ("" if tens < 2 else _DIGITS[tens]) + "十" * bool(tens)
    return written + (_DIGITS[ones] if ones else "")
