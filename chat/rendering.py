"""Decides how a reply becomes HTML: Markdown without raw HTML, citation marks as links, then an allow-list."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

_TAGS = {
    *("p", "br", "strong", "em", "del", "blockquote", "ul", "ol", "li", "code", "pre", "hr", "a"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}
_OWN_LINK = re.compile(r"/passages/\d+")
_CITATION = re.compile(r"\[(\d{1,2})\]")


def _render_text(
    renderer: RendererHTML, tokens: Sequence[Token], index: int, options: Any, env: dict[str, Any]
) -> str:
    passage_ids: Mapping[int, int] = env["passage_ids"]

    def link(match: re.Match[str]) -> str:
        passage_id = passage_ids.get(int(match.group(1)))
        return f'<a href="/passages/{passage_id}">{match.group(0)}</a>' if passage_id else match.group(0)

    return _CITATION.sub(link, escapeHtml(tokens[index].content))


_markdown = (
    MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table").disable(["image", "autolink"])
)
_markdown.add_render_rule("text", _render_text)


def render_reply(text: str, *, passage_ids: Mapping[int, int]) -> str:
    """Render a reply's Markdown as safe HTML.

    ``passage_ids`` maps citation numbers to passages: ``[2]`` becomes a link to the second source. Every link that
    does not lead to one of our own passages loses its target.
    """
    return nh3.clean(
        _markdown.render(text, {"passage_ids": passage_ids}),
        tags=_TAGS,
        attributes={"a": {"href"}},
        attribute_filter=_own_links_only,
        link_rel=None,
    )


def _own_links_only(tag: str, attribute: str, value: str) -> str | None:
    return value if _OWN_LINK.fullmatch(value) else None
