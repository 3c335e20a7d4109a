"""Decides the pages of the library: the catalogue, a work, a section to read, a passage, the line of a day."""

import datetime
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeAlias

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe

from guoxue.errors import NotFound
from knowledge.models import Category, Section, Work
from knowledge.reading.catalogue import UNSORTED, divide, find_works, other_editions
from knowledge.reading.citing import Style, cite_passage
from knowledge.reading.daily import DailyLine, choose_line, split_clauses
from knowledge.reading.outlines import Branch, grow_tree, named_like
from knowledge.reading.pinyin import LABEL
from knowledge.reading.sections import (
    Stretch,
    beside,
    compose,
    find_section,
    find_work,
    stretch_of_section,
    stretch_of_work,
    way_to,
)
from knowledge.retrieval.search import neighbours
from knowledge.views.doors import CACHE_SECONDS

WORKS_IN_DIVISION = 12
WORKS_PER_PAGE = 60
SECTIONS_IN_TREE = 400
SECTIONS_PER_PAGE = 200

Parameters = ParamSpec("Parameters")
Page: TypeAlias = Callable[Concatenate[HttpRequest, Parameters], HttpResponse]


def reading_page(view: Page[Parameters]) -> Page[Parameters]:
    """Make a page that caches may keep for a minute, and that says so kindly when there is nothing to read."""

    @wraps(view)
    def page(request: HttpRequest, /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except NotFound as missing:
            return missing_page(request, missing)

    kept = cache_control(public=True, max_age=CACHE_SECONDS)(page)
    decorated: Page[Parameters] = require_safe(conditional_page(kept))
    return decorated


def missing_page(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Say that there is nothing at this address."""
    reason = exception.message if isinstance(exception, NotFound) else "没有这个页面，地址可能写错了。"
    return render(request, "web/missing.html", {"reason": reason}, status=404)


@reading_page
def works_page(request: HttpRequest) -> HttpResponse:
    """Show the four divisions or, with ``?category=`` or ``?q=``, the works that fit, page by page."""
    category, q = request.GET.get("category", ""), _asked_for(request)
    context: dict[str, Any] = {"category": category, "q": q, "categories": (*Category.values, UNSORTED)}
    if not category and not q:
        context |= {"divisions": divide(limit=WORKS_IN_DIVISION), "daily": _line_of_today()}
        return render(request, "web/works.html", context)
    if category and category not in context["categories"]:
        raise NotFound("没有这个部类。")
    wanted = None if not category else "" if category == UNSORTED else category
    works = find_works(category=wanted, q=q).order_by("title", "edition")
    return render(request, "web/works.html", context | {"page": _page(request, works, WORKS_PER_PAGE)})


@reading_page
def work_page(request: HttpRequest, work_id: int) -> HttpResponse:
    """Show what a work is and its sections: as a tree, or page by page where they are many."""
    work = find_work(work_id)
    section_count = work.sections.count()
    context: dict[str, Any] = {
        "work": work,
        "editions": list(other_editions(work)),
        "section_count": section_count,
        "q": _asked_for(request),
        "parent": _parent(request, work),
    }
    is_tree = section_count <= SECTIONS_IN_TREE and not context["q"] and not context["parent"]
    return render(request, "web/work.html", context | (_tree(work) if is_tree else _flat(request, **context)))


@reading_page
def work_reading_page(request: HttpRequest, work_id: int) -> HttpResponse:
    """Show a work from its beginning to its end, page by page."""
    work = find_work(work_id)
    context = {"work": work, "title": work.title, "author": work.author, "dynasty": work.dynasty}
    return _reading(request, stretch_of_work(work), context)


@reading_page
def section_page(request: HttpRequest, section_id: int) -> HttpResponse:
    """Show a section with all that stands under it, page by page."""
    section = find_section(section_id)
    children = list(section.children.order_by("ordinal")[: SECTIONS_PER_PAGE + 1])
    before, after = beside(section, has_children=bool(children))
    context = {
        "work": section.work,
        "section": section,
        "way": way_to(section)[:-1],
        "title": section.title,
        "author": section.author or section.work.author,
        "dynasty": section.dynasty or section.work.dynasty,
        "children": children if len(children) <= SECTIONS_PER_PAGE else [],
        "has_many_children": len(children) > SECTIONS_PER_PAGE,
        "before": before,
        "after": after,
    }
    return _reading(request, stretch_of_section(section), context)


@reading_page
def passage_page(request: HttpRequest, passage_id: int) -> HttpResponse:
    """Show a passage with its neighbours, its translation and how it is cited."""
    around = neighbours(passage_id)
    passage = next(each for each in around if each.pk == passage_id)
    context = {
        "passage": passage,
        "work": passage.work,
        "section": passage.section,
        "parts": compose(around),
        "editions": list(other_editions(passage.work)),
        "citations": [(style, cite_passage(passage, style)) for style in Style],
        **_pinyin(request),
    }
    return render(request, "web/passage.html", context)


@reading_page
def daily_page(request: HttpRequest, day: str = "") -> HttpResponse:
    """Show the line of a day; without one, of today."""
    today = timezone.localdate()
    date = _date(day) if day else today
    daily = choose_line(date)
    step = datetime.timedelta(days=1)
    context = {
        "daily": daily,
        "passage": daily.passage,
        "clauses": split_clauses(daily.text),
        "before": date - step if date > datetime.date.min else None,
        "after": date + step if date < today else None,
        "is_today": date == today,
    }
    return render(request, "web/daily.html", context)


@reading_page
def bookmarks_page(request: HttpRequest) -> HttpResponse:
    """Show the frame of a reader's bookmarks; the page itself fetches them with the reader's token."""
    return render(request, "web/bookmarks.html", {"styles": list(Style)})


def _line_of_today() -> DailyLine | None:
    try:
        return choose_line(timezone.localdate())
    except NotFound:
        return None


def _reading(request: HttpRequest, stretch: Stretch, context: dict[str, Any]) -> HttpResponse:
    """Render the page that is asked for: ``?page=``, or the one on which ``?at=`` (an ordinal) stands."""
    at = _whole_number(request.GET.get("at", ""))
    number = stretch.page_with(at) if at else _whole_number(request.GET.get("page", "")) or 1
    if number > stretch.page_count:
        raise NotFound("没有这一页。")
    passages = stretch.page(number)
    context |= {
        "parts": compose(passages),
        "stretch": stretch,
        "number": number,
        "has_translation": any(passage.translation for passage in passages),
        **_pinyin(request),
    }
    return render(request, "web/section.html", context)


def _pinyin(request: HttpRequest) -> dict[str, Any]:
    return {"pinyin": request.GET.get("pinyin") == "1", "pinyin_label": LABEL}


def _tree(work: Work) -> dict[str, list[Branch]]:
    return {"tree": grow_tree(work.sections.order_by("ordinal"))}


def _flat(
    request: HttpRequest, *, work: Work, q: str, parent: Section | None, **_others: object
) -> dict[str, Any]:
    """Sections that fit ``q`` or, without it, those right under ``parent`` or the work."""
    sections = work.sections.order_by("ordinal")
    sections = named_like(sections, q) if q else sections.filter(parent=parent)
    return {"page": _page(request, sections, SECTIONS_PER_PAGE)}


def _parent(request: HttpRequest, work: Work) -> Section | None:
    number = _whole_number(request.GET.get("parent", ""))
    if not number:
        return None
    section = find_section(number)
    if section.work_id != work.pk:
        raise NotFound("没有找到这一篇，它可能已被更新。")
    return section


def _page(request: HttpRequest, rows: QuerySet[Any] | Sequence[Any], size: int) -> Any:
    """The page of rows that ``?page=`` asks for; the nearest one where there is no such page."""
    return Paginator(rows, size).get_page(request.GET.get("page"))


def _asked_for(request: HttpRequest) -> str:
    """What ``?q=`` asks for; PostgreSQL takes no NUL."""
    return request.GET.get("q", "").replace("\0", "").strip()[:100]


def _whole_number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 0 < len(text) <= 9 else None


def _date(day: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(day)
    except ValueError:
        raise NotFound("没有这一天，请把日期写成 2026-11-22 这样。") from None
