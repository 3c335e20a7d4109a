"""Decides how a reply becomes HTML: Markdown without raw HTML and links, verdicts and citation marks, an allow-list."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from chat.quote_marks import CLASSES, mark_quotes

# What goes beyond these is no reply but an attack on the renderer, and is set as plain paragraphs. The work is the
# lines times the cells or quotation signs that a line may bring forth.
_MOST_CHARACTERS = 50_000
_MOST_WORK = 10_000
_DEEPEST_NESTING = 8

_TAGS = {
    *("p", "br", "strong", "em", "del", "blockquote", "ul", "ol", "li", "code", "pre", "hr", "a", "mark"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_ATTRIBUTES = {
    "a": {"href"},
    "mark": {"class", "title", "aria-description", "data-quote", "data-attribution", "data-passage"},
}
_OWN_LINK = re.compile(r"/passages/\d+")
_CITATION = re.compile(r"\[(\d{1,2})\]")
_BLOCK_SIGNS = re.compile(r"(?:[ \t]*(?:>|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t])))+")
_TABLE_RULE = re.compile(r"[ \t>|:-]+")
_PARAGRAPH_END = re.compile(r"\n{2,}")


def render_reply(
    text: str, sources: Sequence[Mapping[str, Any]], quotes: Sequence[Mapping[str, Any]] = ()
) -> str:
    """Render a reply's Markdown as safe HTML.

    ``sources`` are the numbered passages (``[2]`` becomes a link to the second), ``quotes`` the checked quotations with
    offsets into ``text`` (each becomes ``mark.quote-exact``, ``-near`` or ``-missing``). There is no other link, no
    image and no raw HTML. Size, nesting and time are bounded.
    """
    environment = {"passage_ids": {source["n"]: source["passage_id"] for source in sources}}
    if is_hostile(text):
        return _clean(_plain_paragraphs(text, environment["passage_ids"]))
    tokens = _markdown.parse(text, environment)
    mark_quotes(tokens, text, quotes)
    return _clean(_markdown.renderer.render(tokens, _markdown.options, environment))


def is_hostile(text: str) -> bool:
    """Tell whether a text would keep a Markdown parser at work for long; no reply meant to be read would."""
    lines = text.splitlines()
    depths = [_depth(line) for line in lines]
    cells = max((line.count("|") for line in lines if _TABLE_RULE.fullmatch(line)), default=0)
    work = len(lines) * max(1, cells, *depths)
    return len(text) > _MOST_CHARACTERS or work > _MOST_WORK or max(depths, default=0) > _DEEPEST_NESTING


def _depth(line: str) -> int:
    signs = _BLOCK_SIGNS.match(line)
    return len(re.findall(r"[^\s\d.)]|\d[.)]", signs.group())) if signs else 0


def _plain_paragraphs(text: str, passage_ids: Mapping[int, int]) -> str:
    paragraphs = (paragraph.strip("\n") for paragraph in _PARAGRAPH_END.split(text))
    shown = (_with_citations(paragraph, passage_ids) for paragraph in paragraphs if paragraph)
    return "".join("<p>" + paragraph.replace("\n", "<br>\n") + "</p>\n" for paragraph in shown)


def _with_citations(text: str, passage_ids: Mapping[int, int]) -> str:
    def link(match: re.Match[str]) -> str:
        passage_id = passage_ids.get(int(match.group(1)))
        return f'<a href="/passages/{passage_id}">{match.group(0)}</a>' if passage_id else match.group(0)

    return _CITATION.sub(link, escapeHtml(text))


def _render_text(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: dict[str, Any]
) -> str:
    return _with_citations(tokens[index].content, env["passage_ids"])


_markdown = (
    MarkdownIt("commonmark", {"html": False, "breaks": True})
    .enable("table")
    .disable(["image", "autolink", "link", "reference"])
)
_markdown.add_render_rule("text", _render_text)


def _clean(html: str) -> str:
    return nh3.clean(
        html, tags=_TAGS, attributes=_ATTRIBUTES, attribute_filter=_own_values_only, link_rel=None
    )


def _own_values_only(tag: str, attribute: str, value: str) -> str | None:
    if attribute == "href":
        return value if _OWN_LINK.fullmatch(value) else None
    if attribute == "class":
        return value if value in CLASSES.values() else None
    return value
